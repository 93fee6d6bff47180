using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>Connections that were made with one client certificate, or none. When another one takes its place it goes with its last answer.</summary>
internal sealed class ConnectionSet(ClientIdentity? identity, HttpMessageInvoker invoker)
{
    private readonly Lock _lock = new();
    private int _users;
    private bool _retired;

    public ClientIdentity? Identity { get; } = identity;

    public HttpMessageInvoker Invoker { get; } = invoker;

    /// <summary>False when it has gone: take the next one.</summary>
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
        Invoker.Dispose();
    }

    public void Retire()
    {
        lock (_lock)
        {
            if (_retired) return;
            _retired = true;
            if (_users > 0) return;
        }
        Invoker.Dispose();
    }
}
