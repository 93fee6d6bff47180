using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Reads files with the bundle of a trust domain: SPIFFE's JSON, or roots in PEM.</summary>
/// <param name="Document">The bundle.</param>
/// <param name="Digest">Of the whole file.</param>
internal sealed record BundleFile(BundleDocument Document, string Digest)
{
    /// <summary>Reads one.</summary>
    /// <exception cref="InvalidDataException">It can't be used; the message says which it is.</exception>
    public static async Task<BundleFile> ReadAsync(string path, CancellationToken cancellationToken)
    {
        byte[] content;
        try
        {
            content = await BoundedFile.ReadAsync(path, BundleDocument.MostBytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} can't be read: {e.Message}", e);
        }
        try
        {
            BundleDocument document = content.AsSpan().TrimStart(" \t\r\n"u8).StartsWith("{"u8) ? BundleDocument.Read(content) : FromPem(Encoding.Latin1.GetString(content));
            return new(document, Convert.ToHexString(SHA256.HashData(content)));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} {e.Message}", e);
        }
    }

    private static BundleDocument FromPem(string text)
    {
        try
        {
            BundleDocument read = new() { Roots = [.. PemFile.Certificates(text).Index().Select(c => BundleDocument.CheckRoot(c.Item, $"certificate {c.Index + 1}"))] };
            return read.Roots.IsEmpty ? throw new InvalidDataException("has no bundle: it is read as SPIFFE's JSON, or as PEM with BEGIN CERTIFICATE") : read;
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"has something that is no certificate: {e.Message.TrimEnd('.')}", e);
        }
    }
}
