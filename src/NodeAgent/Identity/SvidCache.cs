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

    private static ReadOnlySpan<byte> CertificateLabel => "CERTIFICATE"u8;

    private static ReadOnlySpan<byte> KeyLabel => "PRIVATE KEY"u8;

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
                char[] pem = new char[content.Length];
                X509Certificate2Collection chain = [];
                using X509Certificate2 leaf = Read(content.Span, pem, chain);
                using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)leaf.GetECDsaPrivateKey() ?? leaf.GetRSAPrivateKey() ?? throw new CryptographicException("it holds no key of ECDSA or RSA");
                if (!SvidReader.TryRead(leaf, out SpiffeId? found) || found != id) throw new CryptographicException($"its identity is {found?.ToString() ?? "none"}, not {id}");
                DateTimeOffset notAfter = new(leaf.NotAfter.ToUniversalTime());
                if (notAfter > _time.GetUtcNow())
                {
                    return new Svid(id, 1, [.. chain.Select(c => c.RawData)], PrivateKeyBytes.Of(key), new DateTimeOffset(leaf.NotBefore.ToUniversalTime()), notAfter, new DateTimeOffset(File.GetLastWriteTimeUtc(path)))
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
        string path = PathOf(svid.Id);
        byte[] pem = svid.PrivateKey.Use(key => Write(svid.Chain, key.Span));
        lock (_lock)
        {
            try
            {
                StateFile.Write(path, pem);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                SvidCacheLog.Failed(_logger, "written", path, e.Message);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(pem);
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

    /// <summary>The certificate of a file's text, with its key.</summary>
    /// <param name="content">The text.</param>
    /// <param name="pem">Room for it.</param>
    /// <param name="chain">Gets all certificates.</param>
    /// <exception cref="CryptographicException">The key is not the certificate's.</exception>
    private static X509Certificate2 Read(ReadOnlySpan<byte> content, char[] pem, X509Certificate2Collection chain)
    {
        try
        {
            Encoding.ASCII.GetChars(content, pem);
            chain.ImportFromPem(pem);
            return X509Certificate2.CreateFromPem(pem, pem);
        }
        finally
        {
            Array.Clear(pem);
        }
    }

    // Of its size from the beginning: what grows leaves copies behind.
    private static byte[] Write(IReadOnlyList<byte[]> chain, ReadOnlySpan<byte> key)
    {
        byte[] pem = new byte[chain.Sum(c => PemEncoding.GetEncodedSize(CertificateLabel.Length, c.Length) + 1) + PemEncoding.GetEncodedSize(KeyLabel.Length, key.Length) + 1];
        int length = 0;
        foreach (byte[] certificate in chain) length += Append(CertificateLabel, certificate, pem.AsSpan(length));
        Append(KeyLabel, key, pem.AsSpan(length));
        return pem;
    }

    private static int Append(ReadOnlySpan<byte> label, ReadOnlySpan<byte> der, Span<byte> pem)
    {
        if (!PemEncoding.TryWriteUtf8(label, der, pem, out int written)) throw new InvalidOperationException("a PEM block is longer than its length");
        pem[written] = (byte)'\n';
        return written + 1;
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
