using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;

namespace Culvert.Grpc;

/// <summary>What a call of the server knows of its HTTP request.</summary>
public static class ServerCallContextExtensions
{
    /// <summary>The HTTP request of the call.</summary>
    /// <param name="serverCallContext">The call.</param>
    /// <exception cref="InvalidOperationException">The call did not come by HTTP.</exception>
    public static HttpContext GetHttpContext(this ServerCallContext serverCallContext)
    {
        ArgumentNullException.ThrowIfNull(serverCallContext);
        return serverCallContext is HttpServerCallContext context
            ? context.Http
            : throw new InvalidOperationException("The call did not come by HTTP.");
    }

    /// <summary>The certificate of the client, checked in the TLS handshake; null without TLS or when it showed none.</summary>
    /// <param name="serverCallContext">The call.</param>
    public static X509Certificate2? GetClientCertificate(this ServerCallContext serverCallContext) =>
        serverCallContext.GetHttpContext().Connection.ClientCertificate;
}
