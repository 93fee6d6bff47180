using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Authentication;

/// <summary>A token in a file that somebody renews, the kubelet for one. It is read every few seconds and when the server refuses it; one that can't be read leaves the last.</summary>
internal sealed class TokenFile(string path, TimeProvider time, ILogger logger)
{
    // The kubelet renews with a fifth of the life left, minutes at least.
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    // A bound service account token has about 1 KiB.
    private const int Largest = 64 << 10;

    private readonly Lock _lock = new();
    private string? _token;
    private long? _readAt;

    /// <exception cref="ApiException">There is no token, nor was there one.</exception>
    public string Read()
    {
        lock (_lock)
        {
            if (_readAt is { } at && _token is not null && time.GetElapsedTime(at) < Period) return _token;
            try
            {
                _token = ReadFile();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
            {
                if (_token is null) throw new ApiException(ApiFailure.NoCredentials, $"the token in '{path}' can't be read: {e.Message}", e);
                AuthenticationLog.TokenNotRead(logger, path, e.Message);
            }
            _readAt = time.GetTimestamp();
            return _token;
        }
    }

    /// <summary>Has it read again with the next request.</summary>
    public void Refuse()
    {
        lock (_lock) _readAt = null;
    }

    private string ReadFile()
    {
        string token = BoundedFile.ReadText(path, Largest).Trim();
        if (token.Length == 0) throw new InvalidDataException("it is empty");
        return token.All(c => c is > ' ' and < (char)127) ? token : throw new InvalidDataException("it holds what no token does");
    }
}
