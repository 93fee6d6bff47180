using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Authentication;

/// <summary>A certificate and key, in files that may be replaced or in the configuration. A pair that does not fit, as while one of both is replaced, leaves the last.</summary>
internal sealed class ClientCertificateFiles(PemSource certificate, PemSource key, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private ClientIdentity? _identity;
    private (DateTime, long, DateTime, long) _version;
    private long? _lookedAt;

    /// <exception cref="ApiException">There is no certificate, nor was there one.</exception>
    public ClientIdentity Read()
    {
        lock (_lock)
        {
            if (_lookedAt is { } at && _identity is not null && time.GetElapsedTime(at) < Period) return _identity;
            try
            {
                ((DateTime certificateTime, long certificateSize), (DateTime keyTime, long keySize)) = (certificate.Version(), key.Version());
                (DateTime, long, DateTime, long) version = (certificateTime, certificateSize, keyTime, keySize);
                if (_identity is null || version != _version)
                {
                    // Connections made with the old one may still use it: the collector frees it.
                    _identity = PemReader.ReadIdentity(certificate.Read(), key.Read());
                    _version = version;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
            {
                if (_identity is null) throw new ApiException(ApiFailure.NoCredentials, $"the client certificate of {certificate.Origin} can't be read: {e.Message}", e);
                AuthenticationLog.ClientCertificateNotRead(logger, certificate.Origin, e.Message);
            }
            _lookedAt = time.GetTimestamp();
            return _identity;
        }
    }

    /// <summary>Has it looked at again with the next request.</summary>
    public void Refuse()
    {
        lock (_lock) _lookedAt = null;
    }
}
