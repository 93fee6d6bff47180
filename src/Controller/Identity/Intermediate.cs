using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Controller.Identity;

/// <summary>The authority that signs leaves; lives in memory only. Each of those who sign at once does so with a copy of the key, as key objects are for one at a time. Safe for any number of threads.</summary>
internal sealed class Intermediate : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Stack<LeafIssuer> _idle = new();
    private readonly LeafIssuer _first;
    private bool _isDisposed;

    /// <param name="certificate">Its certificate; disposed by the caller.</param>
    /// <param name="key">Its key, which is its own from now on.</param>
    /// <param name="renewAt">From then on another takes over.</param>
    public Intermediate(X509Certificate2 certificate, ECDsa key, DateTimeOffset renewAt)
    {
        (Encoded, NotAfter, RenewAt) = (certificate.RawData, new(certificate.NotAfter.ToUniversalTime()), renewAt);
        Serial = CertificateSerial.Of(certificate.SerialNumberBytes.Span);
        _first = LeafIssuer.Of(certificate, key);
    }

    /// <summary>Its certificate in DER.</summary>
    public ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>Its certificate's serial number.</summary>
    public CertificateSerial Serial { get; }

    /// <summary>End of its validity.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>From then on another takes over.</summary>
    public DateTimeOffset RenewAt { get; }

    /// <summary>What to sign with, until it is returned.</summary>
    /// <exception cref="ObjectDisposedException">It has ended.</exception>
    public LeafIssuer Take()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _idle.TryPop(out LeafIssuer? idle) ? idle : _first with { Key = Copy(_first.Key) };
        }
    }

    /// <summary>Gives back what was taken; also when it has ended meanwhile.</summary>
    public void Return(LeafIssuer taken)
    {
        lock (_lock)
        {
            if (_isDisposed) taken.Key.Dispose();
            else _idle.Push(taken);
        }
    }

    /// <summary>Ends it: nothing can be taken any more. What was taken ends when it is returned.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _first.Key.Dispose();
            while (_idle.TryPop(out LeafIssuer? idle)) idle.Key.Dispose();
        }
    }

    private static ECDsa Copy(ECDsa key)
    {
        ECParameters parameters = key.ExportParameters(includePrivateParameters: true);
        try
        {
            return ECDsa.Create(parameters);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(parameters.D);
        }
    }
}
