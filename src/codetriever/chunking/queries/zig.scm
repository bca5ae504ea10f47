(variable_declaration (identifier) @name (struct_declaration)) @definition.struct
(variable_declaration (identifier) @name (opaque_declaration)) @definition.struct
(variable_declaration (identifier) @name (enum_declaration)) @definition.enum
(variable_declaration (identifier) @name (error_set_declaration)) @definition.enum
(variable_declaration (identifier) @name (union_declaration)) @definition.union
(variable_declaration (identifier) @name (function_signature)) @definition.type
(function_declaration name: (identifier) @name) @definition.function

(source_file (variable_declaration "const" . (identifier) @name) @definition.constant
  (#not-match? @definition.constant "@import\\("))
(source_file (variable_declaration "var" . (identifier) @name) @definition.variable)
(struct_declaration (variable_declaration ["const" "var"] . (identifier) @name) @definition.constant)
(enum_declaration (variable_declaration ["const" "var"] . (identifier) @name) @definition.constant)
(union_declaration (variable_declaration ["const" "var"] . (identifier) @name) @definition.constant)
(opaque_declaration (variable_declaration ["const" "var"] . (identifier) @name) @definition.constant)

(enum_declaration (container_field name: (identifier) @name) @definition.constant)
(struct_declaration (container_field name: (identifier) @name) @definition.field)
(union_declaration (container_field name: (identifier) @name) @definition.field)
(source_file (container_field name: (identifier) @name) @definition.field)

; references
(variable_declaration (builtin_function (builtin_identifier) @_called) (#eq? @_called "@import")) @import
(using_namespace_declaration) @import
(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression member: (identifier) @reference.call))
(identifier) @reference
