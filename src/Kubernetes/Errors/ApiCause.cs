namespace Culvert.Kubernetes.Errors;

/// <summary>One thing that is wrong, as the server says it.</summary>
/// <param name="Field">Path of the field; empty where it is about the whole.</param>
/// <param name="Reason">In a word, e.g. <c>FieldValueRequired</c> or <c>FieldManagerConflict</c>.</param>
/// <param name="Message">For people.</param>
public sealed record ApiCause(string Field, string Reason, string Message);
