(config_file (body (block . (identifier) @_block . (string_lit (template_literal) @name) . (block_start))
  @definition.variable
  (#any-of? @_block "variable" "output")))
(config_file (body (block . (identifier) @_block . (string_lit (template_literal) @name) . (block_start))
  @definition.module
  (#eq? @_block "module")))
(config_file (body (block
  (string_lit (template_literal) @scope) . (string_lit (template_literal) @name) . (block_start)) @definition.section))
(config_file (body (block (string_lit (template_literal) @name) . (block_start)) @definition.section))

; references
(identifier) @reference
