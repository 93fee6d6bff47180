namespace Culvert.Kubernetes.Errors;

/// <summary>What somebody's roles lack, so that the API server has refused what was asked.</summary>
/// <param name="Verb">As roles name it, e.g. <c>patch</c>.</param>
/// <param name="Resource">What it is lacking on: <c>plural.group</c>, and of a part of objects <c>plural/part of group</c>; without the group where that is the core group.</param>
public sealed record MissingVerb(string Verb, string Resource)
{
    /// <summary>The one form in which all programs say it.</summary>
    /// <param name="whose">Whose role it is, e.g. <c>the controller's role</c>.</param>
    public string Tell(string whose = "the role") => $"{whose} lacks the verb {Verb} on {Resource}";

    /// <summary>What helps, with a semicolon behind it, to stand before the reason; empty where no role is in the way.</summary>
    /// <param name="failure">What went wrong.</param>
    /// <param name="whose">As in <see cref="Tell"/>.</param>
    public static string Remedy(ApiException failure, string whose = "the role")
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.MissingVerb is { } missing ? $"{missing.Tell(whose)}; " : "";
    }
}
