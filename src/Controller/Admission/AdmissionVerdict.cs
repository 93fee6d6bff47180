namespace Culvert.Controller.Admission;

/// <summary>What is thought of an object that somebody wants to store.</summary>
/// <param name="Refusal">Why it may not be stored; null: it may.</param>
internal sealed record AdmissionVerdict(string? Refusal)
{
    /// <summary>Whether it may be stored.</summary>
    public bool IsAllowed => Refusal is null;

    /// <summary>The object as its author knows it; told of one that is refused.</summary>
    public string Object { get; init; } = "";

    /// <summary>What is wrong, by field, as far as it is told; of one that is refused.</summary>
    public IReadOnlyList<AdmissionReview.RefusalCause> Causes { get; init; } = [];

    /// <summary>What its author should know all the same.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
