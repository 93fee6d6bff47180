using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>What is said of a call that has failed, in logs and to people.</summary>
public static class CallFailure
{
    /// <summary>The status and what the server or the transport says of it; of what is no failure of gRPC its message.</summary>
    public static string Describe(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : failure.Message;
    }
}
