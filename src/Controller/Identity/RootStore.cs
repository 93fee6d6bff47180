using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Culvert.Controller.Identity;

/// <summary>Root certificates and keys on disk. Not safe for several threads.</summary>
internal sealed class RootStore
{
    private const string IndexName = "roots.json";
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
    public List<Root> Load()
    {
        string index = Path.Combine(_folder, IndexName);
        try
        {
            RootRecord[] records = File.Exists(index) ? JsonSerializer.Deserialize(PrivateFiles.Read(index), RootRecordsContext.Default.RootRecordArray) ?? [] : [];
            if (records.Length == 0) RefuseOrphans(index);
            return [.. records.Select(Load)];
        }
        catch (Exception e) when (e is JsonException or CryptographicException or FileNotFoundException or ArgumentException)
        {
            throw new InvalidDataException($"The certificate authority in '{_folder}' is damaged ({e.Message}). Restore it from a backup, or move the folder away to begin with a new root.", e);
        }
    }

    /// <summary>Writes certificate and key of a new root; <see cref="Save"/> makes it count.</summary>
    public void Add(Root root)
    {
        PrivateFiles.Write(KeyPath(root.Record.Id), root.Key.ExportPkcs8PrivateKeyPem() + "\n");
        PrivateFiles.Write(CertificatePath(root.Record.Id), root.Certificate.ExportCertificatePem() + "\n");
    }

    /// <summary>Writes which roots count, and deletes the files of <paramref name="removed"/>.</summary>
    public void Save(IEnumerable<Root> roots, IEnumerable<Root> removed)
    {
        PrivateFiles.Write(Path.Combine(_folder, IndexName), JsonSerializer.Serialize([.. roots.Select(r => r.Record)], RootRecordsContext.Default.RootRecordArray));
        foreach (Root root in removed)
        {
            File.Delete(KeyPath(root.Record.Id));
            File.Delete(CertificatePath(root.Record.Id));
        }
    }

    /// <summary>Keys without an index are a mesh that has lost it: a new root in their place would cut off every agent.</summary>
    private void RefuseOrphans(string index)
    {
        if (Directory.EnumerateFiles(_folder, "root-*.key.pem").Order(StringComparer.Ordinal).FirstOrDefault() is not { } key) return;
        throw new InvalidDataException(
            $"'{index}' {(File.Exists(index) ? "names no root" : "is missing")} while there are root keys ('{Path.GetFileName(key)}'). Restore it from a backup. To begin with a new root instead, which no agent trusts, move '{_folder}' away; every node must join again then.");
    }

    private Root Load(RootRecord record)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(PrivateFiles.Read(KeyPath(record.Id)));
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(File.ReadAllText(CertificatePath(record.Id)));
        return new(record, certificate.CopyWithPrivateKey(key), key);
    }

    private string KeyPath(string id) => Path.Combine(_folder, $"root-{id}.key.pem");

    private string CertificatePath(string id) => Path.Combine(_folder, $"root-{id}.pem");
}
