using System.Text.Json;

namespace Culvert.BindingGenerator.Libbpf;

/// <summary>What <c>clang -Xclang -ast-dump=json</c> says about a set of headers, by kind and in order.</summary>
internal sealed class ClangTree
{
    internal ClangTree(IEnumerable<string> headers)
    {
        string source = Path.Combine(Path.GetTempPath(), $"culvert-bindings-{Environment.ProcessId}.c");
        File.WriteAllText(source, string.Concat(headers.Select(h => $"#include <{h}>\n")));
        try
        {
            using JsonDocument document = JsonDocument.Parse(Clang.Run(["-Xclang", "-ast-dump=json", "-fsyntax-only", source]), new JsonDocumentOptions { MaxDepth = 256 });
            foreach (JsonElement declaration in document.RootElement.GetProperty("inner").EnumerateArray()) Add(declaration.Clone());
        }
        finally
        {
            File.Delete(source);
        }
    }

    /// <summary>Functions that the library exports: those marked LIBBPF_API.</summary>
    internal List<JsonElement> Functions { get; } = [];

    /// <summary>Complete structs by name.</summary>
    internal Dictionary<string, JsonElement> Records { get; } = new(StringComparer.Ordinal);

    /// <summary>Enums by name.</summary>
    internal Dictionary<string, JsonElement> Enums { get; } = new(StringComparer.Ordinal);

    /// <summary>Enums without a name.</summary>
    internal List<JsonElement> AnonymousEnums { get; } = [];

    /// <summary>What each typedef stands for.</summary>
    internal Dictionary<string, string> Typedefs { get; } = new(StringComparer.Ordinal);

    internal static IEnumerable<JsonElement> Children(JsonElement element, string kind)
        => element.TryGetProperty("inner", out JsonElement inner) ? inner.EnumerateArray().Where(c => Kind(c) == kind) : [];

    internal static string? Name(JsonElement element) => element.TryGetProperty("name", out JsonElement name) ? name.GetString() : null;

    internal static string Type(JsonElement element) => element.GetProperty("type").GetProperty("qualType").GetString()!;

    internal static bool Flag(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement flag) && flag.GetBoolean();

    private static string? Kind(JsonElement element) => element.TryGetProperty("kind", out JsonElement kind) ? kind.GetString() : null;

    private void Add(JsonElement declaration)
    {
        switch (Kind(declaration), Name(declaration))
        {
            case ("FunctionDecl", not null) when Children(declaration, "VisibilityAttr").Any() && !Children(declaration, "DeprecatedAttr").Any():
                Functions.Add(declaration);
                break;
            case ("RecordDecl", { } name) when Flag(declaration, "completeDefinition"):
                Records[name] = declaration;
                break;
            case ("EnumDecl", { } name) when declaration.TryGetProperty("inner", out _):
                Enums[name] = declaration;
                break;
            case ("EnumDecl", null):
                AnonymousEnums.Add(declaration);
                break;
            case ("TypedefDecl", { } name):
                Typedefs[name] = Type(declaration);
                break;
            default:
                break;
        }
    }
}
