(function_declaration name: (identifier) @name) @definition.function
(function_declaration name: (dot_index_expression table: (_) @scope field: (identifier) @name)) @definition.function
(function_declaration name: (method_index_expression table: (_) @scope method: (identifier) @name)) @definition.method
(variable_declaration (assignment_statement
  (variable_list . (identifier) @name)
  (expression_list . (function_definition)))) @definition.function
(assignment_statement
  (variable_list . (identifier) @name)
  (expression_list . (function_definition))) @definition.function
(assignment_statement
  (variable_list . (dot_index_expression table: (_) @scope field: (identifier) @name))
  (expression_list . (function_definition))) @definition.function
(assignment_statement
  (variable_list . (bracket_index_expression table: (_) @scope field: (string content: (string_content) @name)))
  (expression_list . (function_definition))) @definition.function
(field name: [(identifier) @name (string content: (string_content) @name)] value: (function_definition)) @definition.function

(chunk (variable_declaration (assignment_statement
  (variable_list . (identifier) @name)
  (expression_list . [(table_constructor) (number) (string) (true) (false)]))) @definition.variable)
(chunk (variable_declaration (assignment_statement
  (variable_list . (identifier) @name)
  (expression_list . (function_call name: (identifier) @_called))))
  @definition.variable
  (#eq? @_called "setmetatable"))
(chunk (assignment_statement
  (variable_list . (identifier) @name)
  (expression_list . (_))) @definition.variable)
(chunk (assignment_statement
  (variable_list . (dot_index_expression table: (_) @scope field: (identifier) @name))
  (expression_list . [(table_constructor) (number) (string) (true) (false)])) @definition.field)

; references
(variable_declaration (assignment_statement
  (expression_list . (function_call name: (identifier) @_called))
  (#eq? @_called "require"))) @import
(function_call name: (identifier) @reference.call)
(function_call name: (dot_index_expression field: (identifier) @reference.call))
(function_call name: (method_index_expression method: (identifier) @reference.call))
(identifier) @reference
