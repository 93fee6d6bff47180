namespace Culvert.Controller.Documents;

/// <summary>Reads the documents of a file in the language that its name says: <c>.json</c> is JSON, all else YAML.</summary>
internal static class DocumentReader
{
    /// <summary>Endings of the names of files that hold objects.</summary>
    public static readonly string[] Extensions = [".yaml", ".yml", JsonExtension];

    private const string JsonExtension = ".json";

    /// <summary>Reads all documents that are not empty.</summary>
    /// <exception cref="DocumentFormatException">There are more than <paramref name="most"/>; none was read.</exception>
    public static IReadOnlyList<SourceDocument> Read(string file, string text, int most = int.MaxValue) =>
        IsJson(file) ? JsonReader.Read(1, text) is { } document ? [document] : [] : YamlReader.Read(text, most);

    /// <summary>Reads one document whose text begins on <paramref name="firstLine"/> of its file; null when it is empty.</summary>
    public static SourceDocument? ReadOne(string file, int firstLine, string text) => IsJson(file) ? JsonReader.Read(firstLine, text) : YamlReader.ReadOne(firstLine, text);

    private static bool IsJson(string file) => Path.GetExtension(file.AsSpan()).Equals(JsonExtension, StringComparison.Ordinal);
}
