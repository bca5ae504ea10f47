(class_declaration declaration_kind: "struct" name: (_) @name) @definition.struct
(class_declaration declaration_kind: "enum" name: (_) @name) @definition.enum
(class_declaration declaration_kind: "extension" name: (_) @name) @definition.impl
(class_declaration name: (_) @name) @definition.class
(protocol_declaration name: (_) @name) @definition.interface
(typealias_declaration . (modifiers)? . "typealias" . name: (type_identifier) @name) @definition.type
(associatedtype_declaration name: (type_identifier) @name) @definition.type
(macro_declaration "macro" . (simple_identifier) @name) @definition.macro
(enum_entry name: (simple_identifier) @name) @definition.constant

(protocol_function_declaration "func" . name: _ @name) @definition.method
(init_declaration name: "init" @name) @definition.method
(subscript_declaration "subscript" @name) @definition.method
(function_declaration "func" . name: _ @name) @definition.function

(source_file (property_declaration
  (value_binding_pattern mutability: "let")
  name: (_ . bound_identifier: (simple_identifier) @name)) @definition.constant)
(source_file (property_declaration
  name: (_ . bound_identifier: (simple_identifier) @name)) @definition.variable)
(class_body (property_declaration
  name: (_ . bound_identifier: (simple_identifier) @name)) @definition.field)
(enum_class_body (property_declaration
  name: (_ . bound_identifier: (simple_identifier) @name)) @definition.field)
(protocol_property_declaration
  name: (_ bound_identifier: (simple_identifier) @name)) @definition.field

; references
(import_declaration) @import
(call_expression . (simple_identifier) @reference.call)
(call_expression . (navigation_expression suffix: (navigation_suffix suffix: (simple_identifier) @reference.call)))
[(simple_identifier) (type_identifier)] @reference
