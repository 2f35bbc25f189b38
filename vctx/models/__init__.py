"""Chat models and their token counts, one module per concrete thing, so that only what is used is imported.

`find` (where a model lies), `template` and `tokens` (chat prompts as token ids, without torch),
`bytes` and `openai_tokens` (counts for closed models), `local` and `engine` (transformers),
`endpoint` (any OpenAI-compatible server), `gguf` (GGUF file -> transformers folder, once).
"""
