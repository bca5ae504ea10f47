; A declarator may wrap a name in pointers, arrays and parameters; the innermost name is what is defined.

(function_definition declarator: (_) @name) @definition.function
(struct_specifier name: (type_identifier) @name body: (_)) @definition.struct
(union_specifier name: (type_identifier) @name body: (_)) @definition.union
(enum_specifier name: (type_identifier) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(type_definition type: (struct_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.struct
(type_definition type: (union_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.union
(type_definition type: (enum_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.enum
(type_definition declarator: (_) @name) @definition.type
(preproc_def name: (identifier) @name
  (#not-match? @name "_(H|HH|HPP|HXX|INCLUDED|INC)_*$")) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

; `DEFINE_CALL(name, ...) { ... }` reads as a call before a block.

(translation_unit
  (expression_statement
    (call_expression
      function: (identifier) @_macro
      arguments: (argument_list . (identifier) @name))) @definition.function
  .
  (compound_statement) @end
  (#match? @_macro "^[A-Z][A-Z0-9_]+$"))

; Variables with a value, outside of functions.

(translation_unit (declaration declarator: (init_declarator declarator: (_) @name)) @definition.variable)
(preproc_ifdef (declaration declarator: (init_declarator declarator: (_) @name)) @definition.variable)
(preproc_if (declaration declarator: (init_declarator declarator: (_) @name)) @definition.variable)

; references

(preproc_include) @import

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))
[(identifier) (type_identifier) (field_identifier)] @reference
