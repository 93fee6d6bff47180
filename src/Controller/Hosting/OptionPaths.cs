namespace Culvert.Controller.Hosting;

/// <summary>Paths as options have them. Pure.</summary>
internal static class OptionPaths
{
    /// <summary>An absolute path; null where the option was not given, or can't be used.</summary>
    /// <param name="option">The option, for messages.</param>
    /// <param name="text">What it was given.</param>
    /// <param name="problems">Takes up what can't be used: an empty text, as of a variable that is not set.</param>
    public static string? Read(string option, string? text, ICollection<string> problems)
    {
        if (text is null) return null;
        if (!string.IsNullOrWhiteSpace(text)) return Path.GetFullPath(text);
        problems.Add($"{option} takes the path of a file, not '{text}'");
        return null;
    }
}
