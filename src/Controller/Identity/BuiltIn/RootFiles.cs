using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>The form in which roots are kept: an index, and for each root its certificate, its key and what the root before has certified of it, in PEM. Pure.</summary>
internal static class RootFiles
{
    /// <summary>Name of the index.</summary>
    public const string IndexName = "roots.json";

    /// <summary>What the names of keys end with.</summary>
    public const string KeySuffix = ".key.pem";

    private const string Prefix = "root-", Suffix = ".pem";

    /// <summary>Whether a name is that of a part of a root.</summary>
    public static bool IsOfRoot(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>The index.</summary>
    public static string Index(RootSet roots) => JsonSerializer.Serialize([.. roots.Records], RootRecordsContext.Default.RootRecordArray);

    /// <summary>All else, by name.</summary>
    public static ImmutableSortedDictionary<string, string> Parts(RootSet roots)
    {
        var parts = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (Root root in roots.Serving)
        {
            parts.Add(KeyName(root.Record.Id), root.Key.ExportPkcs8PrivateKeyPem() + "\n");
            Add(root.Record.Id, root.Certificate, root.Cross);
        }
        foreach (RetiredRoot root in roots.Retired) Add(root.Record.Id, root.Certificate, root.Cross);
        return parts.ToImmutable();

        void Add(string id, X509Certificate2 certificate, X509Certificate2? cross)
        {
            parts.Add(CertificateName(id), certificate.ExportCertificatePem() + "\n");
            if (cross is not null) parts.Add(CrossName(id), cross.ExportCertificatePem() + "\n");
        }
    }

    /// <summary>Reads an index.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    public static RootRecord[] ReadIndex(string? index) => index is null ? [] : JsonSerializer.Deserialize(index, RootRecordsContext.Default.RootRecordArray) ?? [];

    /// <summary>Reads roots.</summary>
    /// <param name="records">What the index says.</param>
    /// <param name="read">Reads a part; null: there is none.</param>
    /// <exception cref="CryptographicException">A part is damaged or missing.</exception>
    /// <exception cref="ArgumentException">A part is no PEM.</exception>
    public static RootSet Read(IReadOnlyCollection<RootRecord> records, Func<string, string?> read) => new(
        [.. records.Where(r => r.Retired is not null).Select(r => new RetiredRoot(r, Certificate(r, read), Cross(r, read)))],
        [.. records.Where(r => r.Retired is null).Select(r => ReadRoot(r, read))]);

    private static Root ReadRoot(RootRecord record, Func<string, string?> read)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(Required(KeyName(record.Id), read));
        using X509Certificate2 certificate = Certificate(record, read);
        return new(record, certificate.CopyWithPrivateKey(key), key, Cross(record, read));
    }

    /// <summary>Nobody checks an anchor's signature: a bit that the disk has changed would only show as chains that lead nowhere.</summary>
    private static X509Certificate2 Certificate(RootRecord record, Func<string, string?> read)
    {
        string name = CertificateName(record.Id);
        X509Certificate2 certificate = X509Certificate2.CreateFromPem(Required(name, read));
        return CertificateSignature.IsBy(certificate, certificate) ? certificate : throw new CryptographicException($"the signature of {name} is wrong");
    }

    private static X509Certificate2? Cross(RootRecord record, Func<string, string?> read) => read(CrossName(record.Id)) is { } pem ? X509Certificate2.CreateFromPem(pem) : null;

    private static string Required(string name, Func<string, string?> read) => read(name) ?? throw new CryptographicException($"{name} is missing");

    private static string KeyName(string id) => Prefix + id + KeySuffix;

    private static string CrossName(string id) => $"{Prefix}{id}.cross{Suffix}";

    private static string CertificateName(string id) => Prefix + id + Suffix;
}
