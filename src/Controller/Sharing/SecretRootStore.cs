using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Culvert.Controller.Files;
using Culvert.Controller.Identity.BuiltIn;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>Roots in a Secret, for several controllers: who writes says which version it has read, and whoever comes second reads anew.</summary>
/// <param name="secret">The Secret.</param>
/// <param name="folder">Where the index is copied to, for commands beside this controller; no key is.</param>
/// <param name="logger">Where it is said that it can't be.</param>
internal sealed class SecretRootStore(StateSecret secret, string folder, ILogger logger) : IRootStore
{
    private bool _isNotCopied;

    /// <inheritdoc/>
    public event Action? Changed
    {
        add => secret.Changed += value;
        remove => secret.Changed -= value;
    }

    /// <inheritdoc/>
    public async Task<RootSet> LoadAsync(CancellationToken cancellationToken)
    {
        V1Secret read = await secret.ReadAsync(cancellationToken);
        try
        {
            string? index = Text(RootFiles.IndexName);
            RootRecord[] records = RootFiles.ReadIndex(index);

            // Keys without an index are a mesh that has lost it: a new root in their place would cut off every agent.
            if (!records.Any(r => r.Retired is null) && read.Data.Keys.FirstOrDefault(RootFiles.IsOfRoot) is { } part) throw new InvalidDataException($"{RootFiles.IndexName} names no root, and there is {part}");
            RootSet roots = RootFiles.Read(records, Text) with { Version = read.Metadata.ResourceVersion ?? "" };
            CopyIndex(index ?? "[]");
            return roots;
        }
        catch (Exception e) when (e is JsonException or CryptographicException or ArgumentException or InvalidDataException)
        {
            throw new InvalidDataException($"The certificate authority in {secret.Name} is damaged ({e.Message}). Restore it from a backup, or empty it to begin with a new root, which no agent trusts: all pods of agents must be made anew then.", e);
        }

        string? Text(string key) => read.Data.TryGetValue(key, out byte[]? bytes) ? Encoding.UTF8.GetString(bytes) : null;
    }

    /// <inheritdoc/>
    public async Task<string?> SaveAsync(RootSet before, RootSet after, CancellationToken cancellationToken)
    {
        var (had, has) = (RootFiles.Parts(before), RootFiles.Parts(after));
        string index = RootFiles.Index(after);
        IEnumerable<KeyValuePair<string, byte[]?>> data =
        [
            .. had.Keys.Where(k => !has.ContainsKey(k)).Select(k => KeyValuePair.Create<string, byte[]?>(k, null)),
            .. has.Where(p => had.GetValueOrDefault(p.Key) != p.Value).Append(new(RootFiles.IndexName, index)).Select(p => KeyValuePair.Create<string, byte[]?>(p.Key, Encoding.UTF8.GetBytes(p.Value))),
        ];
        if (await secret.WriteAsync(data, before.Version, cancellationToken) is not { } written) return null;
        CopyIndex(index);
        return written.Metadata.ResourceVersion ?? "";
    }

    private void CopyIndex(string index)
    {
        string path = Path.Combine(folder, RootFiles.IndexName);
        try
        {
            PrivateFiles.EnsureFolder(folder);
            PrivateFiles.WriteSealed(path, index);
            _isNotCopied = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isNotCopied) SharingLog.IndexNotCopied(logger, path, e.Message);
            _isNotCopied = true;
        }
    }
}
