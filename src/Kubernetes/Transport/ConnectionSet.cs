using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// A client whose connections use one client certificate, or none. When another certificate takes its place, it is disposed with its last
/// answer.
/// </summary>
internal sealed class ConnectionSet(ClientIdentity? identity, PackageClient client)
{
    private readonly Lock _lock = new();
    private int _users;
    private bool _retired;

    public ClientIdentity? Identity { get; } = identity;

    public PackageClient Client { get; } = client;

    /// <summary>Returns false when the client is disposed: take the next one.</summary>
    public bool TryUse()
    {
        lock (_lock)
        {
            if (_retired) return false;
            _users++;
            return true;
        }
    }

    public void Release()
    {
        lock (_lock)
        {
            if (--_users > 0 || !_retired) return;
        }
        Client.Dispose();
    }

    public void Retire()
    {
        lock (_lock)
        {
            if (_retired) return;
            _retired = true;
            if (_users > 0) return;
        }
        Client.Dispose();
    }
}
