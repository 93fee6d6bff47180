using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Keeps the bundles of other trust domains in 0600 files, for the next start. For one thread at a time for each trust domain.</summary>
/// <param name="folder">Where; made with mode 0700 when something is kept.</param>
internal sealed class BundleStore(string folder)
{
    // With an ending and a temporary name behind it a file's name has 255 bytes at most, and a trust domain may have as many.
    private const int LongestName = 160;

    /// <summary>What was kept; null: nothing.</summary>
    /// <exception cref="IOException">It can't be read, or is open to others.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public KeptBundle? Load(string trustDomain)
    {
        string path = PathOf(trustDomain);
        if (!File.Exists(path)) return null;
        try
        {
            using JsonDocument kept = JsonDocument.Parse(PrivateFiles.ReadSealed(path));
            string? digest = kept.RootElement.GetProperty("file"u8).GetString();
            return new(BundleDocument.Read(Encoding.UTF8.GetBytes(kept.RootElement.GetProperty("bundle"u8).GetRawText())), digest);
        }
        catch (Exception e) when (e is JsonException or DamagedFileException or InvalidOperationException or KeyNotFoundException or InvalidDataException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {e.Message}", e);
        }
    }

    /// <summary>Keeps one in place of the one before.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Save(string trustDomain, KeptBundle bundle)
    {
        PrivateFiles.EnsureFolder(folder);
        PrivateFiles.WriteSealed(PathOf(trustDomain), file =>
        {
            using Utf8JsonWriter writer = new(file);
            writer.WriteStartObject();
            writer.WriteString("file"u8, bundle.FileDigest);
            writer.WritePropertyName("bundle"u8);
            bundle.Document.Write(writer);
            writer.WriteEndObject();
        });
    }

    /// <summary>Keeps nothing of a trust domain any more.</summary>
    /// <exception cref="IOException">It can't be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be deleted.</exception>
    public void Forget(string trustDomain)
    {
        string path = PathOf(trustDomain);
        if (File.Exists(path)) File.Delete(path);
    }

    // A trust domain may be '..', which with an ending is a name like others.
    private string PathOf(string trustDomain) =>
        Path.Combine(folder, trustDomain.Length <= LongestName ? $"{trustDomain}.json" : $"+{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(trustDomain)))}.json");
}
