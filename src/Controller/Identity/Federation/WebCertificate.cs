using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>
/// The certificate of the web that a bundle endpoint shows (https_web), from files that are looked at while there are handshakes, every few seconds. Files that can't be used later leave the certificate of before in use. Safe for any number of threads.
/// </summary>
internal sealed class WebCertificate : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly string _certificate, _key;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _lock = new(1);
    private Pair _read;
    private DateTimeOffset _lookAt;
    private string? _failure;
    private Pair? _saidEnded;

    private WebCertificate(string certificate, string key, Pair read, TimeProvider time, ILogger logger)
    {
        (_certificate, _key, _read, _time, _logger) = (certificate, key, read, time, logger);
        _lookAt = time.GetUtcNow() + Interval;
    }

    /// <summary>Reads the files.</summary>
    /// <param name="certificate">The certificate, and behind it what leads to a root, in PEM.</param>
    /// <param name="key">Its key, in PEM.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what was read later, and what can't be.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidDataException">They can't be used.</exception>
    public static async Task<WebCertificate> OpenAsync(string certificate, string key, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        WebCertificate opened = new(certificate, key, await ReadAsync(certificate, key, null, cancellationToken), time, logger);
        opened.SayWhereEnded();
        return opened;
    }

    /// <summary>The certificate to show in a handshake.</summary>
    public async ValueTask<SslStreamCertificateContext> GetAsync(CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            if (_time.GetUtcNow() < _lookAt) return _read.Context;
            _lookAt = _time.GetUtcNow() + Interval;
            Pair read = await ReadAsync(_certificate, _key, _read, cancellationToken);
            if (HasEnded(read) && !HasEnded(_read)) throw new InvalidDataException($"{_certificate} has ended at {EndOf(read):u}");
            if (read != _read) FederationLog.WebCertificateRead(_logger, EndOf(read));
            (_read, _failure) = (read, null);
            SayWhereEnded();
        }
        catch (InvalidDataException e)
        {
            if (_failure != e.Message) FederationLog.WebCertificateNotRead(_logger, Interval.TotalSeconds, e.Message);
            _failure = e.Message;
        }
        finally
        {
            _lock.Release();
        }
        return _read.Context;
    }

    public void Dispose() => _lock.Dispose();

    // It is shown all the same: there is no other one, and the controller has more to do than this.
    private void SayWhereEnded()
    {
        if (!HasEnded(_read) || _saidEnded == _read) return;
        _saidEnded = _read;
        FederationLog.WebCertificateEnded(_logger, EndOf(_read), _certificate);
    }

    private bool HasEnded(Pair pair) => EndOf(pair) <= _time.GetUtcNow();

    private static DateTimeOffset EndOf(Pair pair) => new(pair.Context.TargetCertificate.NotAfter.ToUniversalTime());

    private static async Task<Pair> ReadAsync(string certificatePath, string keyPath, Pair? before, CancellationToken cancellationToken)
    {
        try
        {
            SecretFile.RequirePrivate(keyPath);
            string certificate = await PemFile.ReadAsync(certificatePath, cancellationToken), key = await PemFile.ReadAsync(keyPath, cancellationToken);
            return before is not null && before.Certificate == certificate && before.Key == key ? before : new(certificate, key, Context(certificate, key));
        }
        catch (AuthorityException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException($"{certificatePath} and {keyPath} are no certificate and its key in PEM: {e.Message}", e);
        }
    }

    private static SslStreamCertificateContext Context(string certificate, string key)
    {
        X509Certificate2Collection chain = [];
        chain.ImportFromPem(certificate);
        return OwnCertificate.Context(X509Certificate2.CreateFromPem(certificate, key), [.. chain.Skip(1)]);
    }

    private sealed record Pair(string Certificate, string Key, SslStreamCertificateContext Context);
}
