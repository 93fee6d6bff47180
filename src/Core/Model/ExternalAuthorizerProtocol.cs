namespace Culvert.Core;

/// <summary>What an external authorizer speaks.</summary>
public enum ExternalAuthorizerProtocol
{
    /// <summary>envoy.service.auth.v3.Authorization, by gRPC.</summary>
    Grpc,

    /// <summary>HTTP/1.1: it is sent the request's head, and allows it with a status of 200 to 299.</summary>
    Http,
}
