; A declarator may wrap a name in pointers, references and `Owner::`; the innermost name is what is defined.

; `class EXPORT Name { ... };` reads as a function whose type is `class EXPORT`.
(function_definition type: (class_specifier !body) declarator: (identifier) @name) @definition.class
(function_definition type: (struct_specifier !body) declarator: (identifier) @name) @definition.struct

(function_definition declarator: (_) @name) @definition.function
; A method without a body is defined where it is declared.
(field_declaration
  declarator: [
    (function_declarator)
    (pointer_declarator declarator: (function_declarator))
    (reference_declarator (function_declarator))] @name
  default_value: (number_literal)) @definition.function
(class_specifier name: (_) @name body: (_)) @definition.class
(struct_specifier name: (_) @name body: (_)) @definition.struct
(union_specifier name: (_) @name body: (_)) @definition.union
(enum_specifier name: (_) @name body: (_)) @definition.enum
(enumerator name: (identifier) @name) @definition.constant
(namespace_definition name: (_) @name) @definition.namespace
(alias_declaration name: (type_identifier) @name) @definition.type
(type_definition type: (struct_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.struct
(type_definition type: (union_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.union
(type_definition type: (enum_specifier !name body: (_)) declarator: (type_identifier) @name) @definition.enum
(type_definition declarator: (_) @name) @definition.type
(concept_definition name: (identifier) @name) @definition.type
(preproc_def name: (identifier) @name
  (#not-match? @name "_(H|HH|HPP|HXX|INCLUDED|INC)_*$")) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

; Variables with a value, outside of functions.

(translation_unit (declaration declarator: (init_declarator declarator: (_) @name)) @definition.variable)
(namespace_definition body: (declaration_list (declaration declarator: (init_declarator declarator: (_) @name)) @definition.variable))

; A template's span begins at `template`.

(template_declaration (function_definition declarator: (_) @name)) @definition.function
(template_declaration (class_specifier name: (_) @name body: (_))) @definition.class
(template_declaration (struct_specifier name: (_) @name body: (_))) @definition.struct
(template_declaration (alias_declaration name: (_) @name)) @definition.type
(template_declaration (concept_definition name: (_) @name)) @definition.type

; references

(preproc_include) @import
(using_declaration) @import

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))
(call_expression function: (qualified_identifier name: (identifier) @reference.call))
(call_expression function: (qualified_identifier name: (qualified_identifier name: (identifier) @reference.call)))
(call_expression function: (template_function name: (identifier) @reference.call))
(new_expression type: (type_identifier) @reference.call)
[(identifier) (type_identifier) (field_identifier) (namespace_identifier)] @reference
