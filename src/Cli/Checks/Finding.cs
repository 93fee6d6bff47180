namespace Culvert.Cli.Checks;

/// <summary>One result of <c>culvert check</c>.</summary>
/// <param name="Check">Stable name of what was looked at.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do; null when nothing needs doing.</param>
internal sealed record Finding(string Check, FindingLevel Level, string Detail, string? Remedy = null)
{
    public static Finding Ok(string check, string detail) => new(check, FindingLevel.Ok, detail);

    public static Finding Warning(string check, string detail, string remedy) => new(check, FindingLevel.Warning, detail, remedy);

    public static Finding Error(string check, string detail, string remedy) => new(check, FindingLevel.Error, detail, remedy);
}
