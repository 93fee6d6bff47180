using System.Security.Cryptography;
using System.Text.Json;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Roots in a folder that is one authority's alone. All is done before a call returns.</summary>
internal sealed class FolderRootStore : IRootStore
{
    private readonly string _folder;

    /// <summary>Opens the folder; makes it when it is not there.</summary>
    /// <exception cref="IOException">The folder is open to others, or can't be made.</exception>
    public FolderRootStore(string folder)
    {
        _folder = folder;
        PrivateFiles.EnsureFolder(folder);
    }

    /// <summary>Never: nobody else writes.</summary>
    public event Action? Changed
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public Task<RootSet> LoadAsync(CancellationToken cancellationToken)
    {
        try
        {
            string index = Path.Combine(_folder, RootFiles.IndexName);
            RootRecord[] records = ReadIndex(_folder);
            if (!records.Any(r => r.Retired is null)) RefuseOrphans(index);
            return Task.FromResult(RootFiles.Read(records, Read));
        }
        catch (Exception e) when (e is JsonException or CryptographicException or ArgumentException or DamagedFileException)
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
            return ReadIndex(folder);
        }
        catch (Exception e) when (e is JsonException or DamagedFileException)
        {
            throw new InvalidDataException($"the index of the certificate authority is damaged: {e.Message}", e);
        }
    }

    private static RootRecord[] ReadIndex(string folder)
    {
        string index = Path.Combine(folder, RootFiles.IndexName);
        return RootFiles.ReadIndex(File.Exists(index) ? PrivateFiles.ReadSealed(index) : null);
    }

    /// <inheritdoc/>
    public Task<string?> SaveAsync(RootSet before, RootSet after, CancellationToken cancellationToken)
    {
        var (had, parts) = (RootFiles.Parts(before), RootFiles.Parts(after));
        List<string> made = [];
        try
        {
            foreach ((string name, string text) in parts.Where(p => had.GetValueOrDefault(p.Key) != p.Value))
            {
                if (!had.ContainsKey(name)) made.Add(PathOf(name));
                PrivateFiles.Write(PathOf(name), text);
            }

            // What makes them count.
            PrivateFiles.WriteSealed(PathOf(RootFiles.IndexName), RootFiles.Index(after));
        }
        catch
        {
            // It is tried again every few seconds, and what is left would take the last room of the disk.
            foreach (string path in made) File.Delete(path);
            throw;
        }
        foreach (string path in Directory.EnumerateFiles(_folder).Where(f => RootFiles.IsOfRoot(Path.GetFileName(f)) && !parts.ContainsKey(Path.GetFileName(f))).ToArray()) File.Delete(path);
        return Task.FromResult<string?>("");
    }

    /// <summary>Keys without an index are a mesh that has lost it: a new root in their place would cut off every agent.</summary>
    private void RefuseOrphans(string index)
    {
        if (Directory.EnumerateFiles(_folder).Select(f => Path.GetFileName(f)!).Where(n => RootFiles.IsOfRoot(n) && n.EndsWith(RootFiles.KeySuffix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).FirstOrDefault() is not { } key) return;
        throw new InvalidDataException(
            $"'{index}' {(File.Exists(index) ? "names no root" : "is missing")} while there are root keys ('{key}'). Restore it from a backup. To begin with a new root instead, which no agent trusts, move '{_folder}' away; every node must join again then.");
    }

    private string? Read(string name) => File.Exists(PathOf(name)) ? PrivateFiles.Read(PathOf(name)) : null;

    private string PathOf(string name) => Path.Combine(_folder, name);
}
