using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Root certificates and keys on disk. Not safe for several threads.</summary>
internal sealed class RootStore
{
    private const string IndexName = "roots.json";
    private const string KeySuffix = ".key.pem";
    private readonly string _folder;

    /// <summary>Opens the folder; makes it when it is not there.</summary>
    /// <exception cref="IOException">The folder or a key is open to others, or can't be read.</exception>
    public RootStore(string folder)
    {
        _folder = folder;
        PrivateFiles.EnsureFolder(folder);
    }

    /// <summary>Reads all roots, oldest first; none in a new folder.</summary>
    /// <exception cref="InvalidDataException">A file is damaged; the message says which and what to do.</exception>
    public (List<RetiredRoot> Retired, List<Root> Roots) Load()
    {
        string index = Path.Combine(_folder, IndexName);
        try
        {
            RootRecord[] records = ReadIndex(index);
            RootRecord[] serving = [.. records.Where(r => r.Retired is null)];
            if (serving.Length == 0) RefuseOrphans(index);
            return ([.. records.Where(r => r.Retired is not null).Select(LoadRetired)], [.. serving.Select(Load)]);
        }
        catch (Exception e) when (e is JsonException or CryptographicException or FileNotFoundException or ArgumentException or DamagedFileException)
        {
            throw new InvalidDataException($"The certificate authority in '{_folder}' is damaged ({e.Message}). Restore it from a backup, or move the folder away to begin with a new root.", e);
        }
    }

    /// <summary>What is on disk about the roots of a folder, oldest first; nothing is made.</summary>
    /// <exception cref="IOException">It can't be read, or is open to others.</exception>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static RootRecord[] ReadRecords(string folder)
    {
        try
        {
            return ReadIndex(Path.Combine(folder, IndexName));
        }
        catch (Exception e) when (e is JsonException or DamagedFileException)
        {
            throw new InvalidDataException($"the index of the certificate authority is damaged: {e.Message}", e);
        }
    }

    private static RootRecord[] ReadIndex(string index) =>
        File.Exists(index) ? JsonSerializer.Deserialize(PrivateFiles.ReadSealed(index), RootRecordsContext.Default.RootRecordArray) ?? [] : [];

    /// <summary>Writes certificate and key of a new root; <see cref="Save"/> makes it count.</summary>
    /// <exception cref="IOException">They can't be written; nothing is left, as it is tried again every few seconds and would take the last room of the disk.</exception>
    public void Add(Root root)
    {
        try
        {
            PrivateFiles.Write(KeyPath(root.Record.Id), root.Key.ExportPkcs8PrivateKeyPem() + "\n");
            PrivateFiles.Write(CertificatePath(root.Record.Id), root.Certificate.ExportCertificatePem() + "\n");
            if (root.Cross is not null) AddCross(root);
        }
        catch
        {
            foreach (string path in new[] { KeyPath(root.Record.Id), CertificatePath(root.Record.Id), CrossPath(root.Record.Id) }) File.Delete(path);
            throw;
        }
    }

    /// <summary>Writes what the root before has certified of this one.</summary>
    public void AddCross(Root root) => PrivateFiles.Write(CrossPath(root.Record.Id), root.Cross!.ExportCertificatePem() + "\n");

    /// <summary>Writes which roots count; then deletes the keys of those that are retired and every file of those that are not known any more.</summary>
    /// <returns>The names of the files of keys that were deleted.</returns>
    public IReadOnlyList<string> Save(IEnumerable<RetiredRoot> retired, IEnumerable<Root> roots)
    {
        RootRecord[] records = [.. retired.Select(r => r.Record), .. roots.Select(r => r.Record)];
        PrivateFiles.WriteSealed(Path.Combine(_folder, IndexName), JsonSerializer.Serialize(records, RootRecordsContext.Default.RootRecordArray));
        HashSet<string> serving = [.. records.Where(r => r.Retired is null).Select(r => KeyPath(r.Id))];
        HashSet<string> known = [.. records.SelectMany(r => new[] { CertificatePath(r.Id), CrossPath(r.Id) }), .. serving];
        List<string> keys = [];
        foreach (string file in Directory.EnumerateFiles(_folder, "root-*.pem").Where(f => !known.Contains(f)).ToArray())
        {
            File.Delete(file);
            if (file.EndsWith(KeySuffix, StringComparison.Ordinal)) keys.Add(Path.GetFileName(file));
        }
        return keys;
    }

    /// <summary>Keys without an index are a mesh that has lost it: a new root in their place would cut off every agent.</summary>
    private void RefuseOrphans(string index)
    {
        if (Directory.EnumerateFiles(_folder, "root-*" + KeySuffix).Order(StringComparer.Ordinal).FirstOrDefault() is not { } key) return;
        throw new InvalidDataException(
            $"'{index}' {(File.Exists(index) ? "names no root" : "is missing")} while there are root keys ('{Path.GetFileName(key)}'). Restore it from a backup. To begin with a new root instead, which no agent trusts, move '{_folder}' away; every node must join again then.");
    }

    private Root Load(RootRecord record)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(PrivateFiles.Read(KeyPath(record.Id)));
        using X509Certificate2 certificate = LoadCertificate(record);
        return new(record, certificate.CopyWithPrivateKey(key), key, LoadCross(record));
    }

    private RetiredRoot LoadRetired(RootRecord record) => new(record, LoadCertificate(record), LoadCross(record));

    /// <summary>Nobody checks an anchor's signature: a bit that the disk has changed would only show as chains that lead nowhere.</summary>
    private X509Certificate2 LoadCertificate(RootRecord record)
    {
        X509Certificate2 certificate = X509Certificate2.CreateFromPem(File.ReadAllText(CertificatePath(record.Id)));
        return CertificateSignature.IsBy(certificate, certificate) ? certificate : throw new CryptographicException($"the signature of {Path.GetFileName(CertificatePath(record.Id))} is wrong");
    }

    private X509Certificate2? LoadCross(RootRecord record) => File.Exists(CrossPath(record.Id)) ? X509Certificate2.CreateFromPem(File.ReadAllText(CrossPath(record.Id))) : null;

    private string KeyPath(string id) => Path.Combine(_folder, $"root-{id}{KeySuffix}");

    private string CrossPath(string id) => Path.Combine(_folder, $"root-{id}.cross.pem");

    private string CertificatePath(string id) => Path.Combine(_folder, $"root-{id}.pem");
}
