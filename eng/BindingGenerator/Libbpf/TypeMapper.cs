namespace Culvert.BindingGenerator.Libbpf;

/// <summary>C types to C#. Remembers which structs and enums were used, so that they can be written too.</summary>
internal sealed class TypeMapper(ClangTree tree)
{
    /// <summary>Structs referred to, in order of first use.</summary>
    internal List<string> Structs { get; } = [];

    /// <summary>Enums referred to, in order of first use.</summary>
    internal List<string> Enums { get; } = [];

    /// <summary>The C# type for a C type.</summary>
    /// <exception cref="UnmappableException">There is none.</exception>
    internal string Map(string type)
    {
        type = type.Trim();
        int function = type.IndexOf("(*)", StringComparison.Ordinal);
        if (function > 0) return FunctionPointer(type[..function], type[(function + 3)..]);
        // Passed as a pointer on both supported ABIs.
        if (type is "va_list" or "__builtin_va_list" or "struct __va_list_tag *") return "void*";
        if (type.EndsWith('*')) return $"{Map(type[..^1])}*";
        if (type.EndsWith(" const", StringComparison.Ordinal)) return Map(type[..^6]);
        if (type.StartsWith("const ", StringComparison.Ordinal)) return Map(type[6..]);
        if (type.StartsWith("struct ", StringComparison.Ordinal)) return Remember(Structs, type[7..]);
        if (type.StartsWith("union ", StringComparison.Ordinal)) return Remember(Structs, type[6..]);
        if (type.StartsWith("enum ", StringComparison.Ordinal)) return Enum(type[5..]);
        return type switch
        {
            "void" => "void",
            "_Bool" or "bool" or "unsigned char" or "char" => "byte",
            "signed char" => "sbyte",
            "short" => "short",
            "unsigned short" => "ushort",
            "int" => "int",
            "unsigned int" => "uint",
            "long" => "nint",
            "unsigned long" or "size_t" => "nuint",
            "long long" => "long",
            "unsigned long long" => "ulong",
            "FILE" => throw new UnmappableException("FILE"),
            _ => tree.Typedefs.TryGetValue(type, out string? target) ? Map(target) : throw new UnmappableException(type),
        };
    }

    private string FunctionPointer(string result, string parameters)
    {
        string list = parameters.Trim()[1..^1];
        IEnumerable<string> types = list is "void" or "" ? [] : list.Split(',').Select(Map);
        return $"delegate* unmanaged[Cdecl]<{string.Join(", ", types.Append(Map(result)))}>";
    }

    private string Enum(string name)
    {
        if (!tree.Enums.ContainsKey(name)) return "uint";
        return Remember(Enums, name);
    }

    private static string Remember(List<string> names, string name)
    {
        if (name == "_IO_FILE" || name.Contains('(', StringComparison.Ordinal)) throw new UnmappableException(name);
        if (!names.Contains(name)) names.Add(name);
        return name;
    }
}
