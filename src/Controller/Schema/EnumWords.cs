namespace Culvert.Controller.Schema;

/// <summary>The names of enums as objects have them: <c>HostStack</c> is <c>HOST_STACK</c>.</summary>
internal static class EnumWords
{
    /// <summary>The words of an enum, in its order.</summary>
    public static IEnumerable<string> All<T>()
        where T : struct, Enum => Enum.GetNames<T>().Select(Word);

    /// <summary>The value that a word stands for; null when it stands for none. Upper case counts, as it does for an API server.</summary>
    public static T? Find<T>(string word)
        where T : struct, Enum => Enum.GetNames<T>().FirstOrDefault(n => Word(n) == word) is { } name ? Enum.Parse<T>(name) : null;

    private static string Word(string name) => string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : $"{char.ToUpperInvariant(c)}"));
}
