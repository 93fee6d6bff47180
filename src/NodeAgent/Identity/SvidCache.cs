using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Core;
using Culvert.Logging;
using Culvert.NodeAgent.State;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// Keeps certificates and keys in 0600 files below the run folder (memory, gone after a reboot), so that an agent that was killed
/// serves tunnels at once when it is back, also while the controller is away. Keys do not leave the node. What can't be read, written or
/// removed is said in the log and never thrown: certificates are used without it. Safe for any number of threads.
/// </summary>
public sealed class SvidCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();

    /// <summary>Uses <c>svids</c> below <paramref name="runFolder"/>, made with mode 0700.</summary>
    public SvidCache(string runFolder, TimeProvider time, ILogger logger)
    {
        (_folder, _time, _logger) = (Path.Combine(runFolder, "svids"), time, logger);
        Directory.CreateDirectory(_folder, OwnerOnly | UnixFileMode.UserExecute);
    }

    /// <summary>The certificate kept for an identity, or null when there is none that is still valid. A file that can't be used is removed.</summary>
    public Svid? Load(SpiffeId id)
    {
        string path = PathOf(id);
        lock (_lock)
        {
            try
            {
                if (StateFile.Read(path) is not { } content) return null;
                string pem = Encoding.ASCII.GetString(content.Span);
                X509Certificate2Collection chain = [];
                chain.ImportFromPem(pem);

                // Refuses a key that is not the certificate's.
                using X509Certificate2 leaf = X509Certificate2.CreateFromPem(pem, pem);
                using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)leaf.GetECDsaPrivateKey() ?? leaf.GetRSAPrivateKey() ?? throw new CryptographicException("it holds no key of ECDSA or RSA");
                if (!SvidReader.TryRead(leaf, out SpiffeId? found) || found != id) throw new CryptographicException($"its identity is {found?.ToString() ?? "none"}, not {id}");
                DateTimeOffset notAfter = new(leaf.NotAfter.ToUniversalTime());
                if (notAfter > _time.GetUtcNow())
                {
                    return new Svid(id, 1, [.. chain.Select(c => c.RawData)], key.ExportPkcs8PrivateKey(), new DateTimeOffset(leaf.NotBefore.ToUniversalTime()), notAfter, new DateTimeOffset(File.GetLastWriteTimeUtc(path)))
                    {
                        IsFromDisk = true,
                    };
                }
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException or InvalidDataException)
            {
                SvidCacheLog.Unusable(_logger, path, e.Message);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SvidCacheLog.Failed(_logger, "read", path, e.Message);
            }
            Delete(path);
            return null;
        }
    }

    /// <summary>Keeps a certificate in place of the one before.</summary>
    public void Save(Svid svid)
    {
        ArgumentNullException.ThrowIfNull(svid);
        StringBuilder pem = new();
        foreach (byte[] certificate in svid.Chain) pem.AppendLine(PemEncoding.WriteString("CERTIFICATE", certificate));
        pem.AppendLine(PemEncoding.WriteString("PRIVATE KEY", svid.PrivateKey));
        string path = PathOf(svid.Id);
        lock (_lock)
        {
            try
            {
                StateFile.Write(path, Encoding.ASCII.GetBytes(pem.ToString()));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SvidCacheLog.Failed(_logger, "written", path, e.Message);
            }
        }
    }

    /// <summary>Forgets an identity that this node does not need any more.</summary>
    public void Remove(SpiffeId id)
    {
        lock (_lock) Delete(PathOf(id));
    }

    /// <summary>Forgets all: those of before are of no use any more.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            try
            {
                foreach (string path in Directory.GetFiles(_folder)) Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SvidCacheLog.Failed(_logger, "removed", _folder, e.Message);
            }
        }
    }

    private void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            SvidCacheLog.Failed(_logger, "removed", path, e.Message);
        }
    }

    // Identities may hold characters that file names must not.
    private string PathOf(SpiffeId id) => Path.Combine(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id.ToString())).AsSpan(0, 16)) + ".pem");
}

internal static partial class SvidCacheLog
{
    [LoggerMessage(EventId = LogEventIds.SvidCacheUnusable, Level = LogLevel.Warning, Message = "{Path} can't be used and is removed: {Reason}")]
    internal static partial void Unusable(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.SvidCacheFailed, Level = LogLevel.Warning, Message = "{Path} can't be {Done}: {Reason}; the certificate is used all the same, an agent that starts again may have to wait for a new one")]
    internal static partial void Failed(ILogger logger, string done, string path, string reason);
}
