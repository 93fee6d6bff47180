namespace Culvert.Controller.Identity.Federation;

/// <summary>The bundle of a trust domain that is in force. Immutable.</summary>
/// <param name="Document">The bundle.</param>
/// <param name="FileDigest">Digest of the file that has brought a bundle last; null: none has. When the file is another one, its bundle takes the place of what is in force.</param>
internal sealed record KeptBundle(BundleDocument Document, string? FileDigest);
