namespace Culvert.Kubernetes.Transport;

/// <summary>An answer whose content is still to be read; keeps its connections until it is disposed.</summary>
internal sealed class ApiResponse(HttpResponseMessage message, ConnectionSet connections) : IDisposable
{
    public HttpResponseMessage Message { get; } = message;

    public void Dispose()
    {
        Message.Dispose();
        connections.Release();
    }
}
