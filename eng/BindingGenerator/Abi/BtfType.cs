namespace Culvert.BindingGenerator.Abi;

/// <summary>One BTF type, reduced to what layouts need.</summary>
/// <param name="Kind">BTF_KIND_*.</param>
/// <param name="Name">Its name, or empty.</param>
/// <param name="Size">Bytes, for kinds that have a size.</param>
/// <param name="Target">The type referred to (typedef, const, array element), or zero.</param>
/// <param name="Count">Number of elements of an array.</param>
/// <param name="Members">Fields of a struct, values of an enum.</param>
internal sealed record BtfType(BtfKind Kind, string Name, int Size, int Target, int Count, IReadOnlyList<BtfMember> Members);

/// <summary>A field (offset in bits) or an enum value.</summary>
internal sealed record BtfMember(string Name, int Type, long OffsetOrValue);

/// <summary>BTF_KIND_* of linux/btf.h.</summary>
internal enum BtfKind
{
    Unknown = 0, Int = 1, Pointer = 2, Array = 3, Struct = 4, Union = 5, Enum = 6, Forward = 7, Typedef = 8, Volatile = 9, Const = 10, Restrict = 11,
    Function = 12, FunctionPrototype = 13, Variable = 14, DataSection = 15, Float = 16, DeclarationTag = 17, TypeTag = 18, Enum64 = 19,
}
