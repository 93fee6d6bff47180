namespace Culvert.Controller.Identity.Upstream;

/// <summary>Where an authority is kept in files, in PEM.</summary>
/// <param name="Certificate">Path of its certificate, followed by those that lead to a root, if any.</param>
/// <param name="Key">Path of its key, which nobody but the owner and the group may open; or the URI of a key in a token (RFC 7512).</param>
/// <param name="Roots">Path of the roots to be trusted; null: its certificate is one, and the only one.</param>
internal sealed record DiskOptions(string Certificate, string Key, string? Roots);
