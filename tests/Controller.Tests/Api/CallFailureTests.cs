using System.Net.Http;
using System.Net.Sockets;
using System.Security.Authentication;
using Culvert.Protocol;
using Grpc.Core;

namespace Culvert.Controller.Tests;

/// <summary>A failed connection is UNAVAILABLE, whatever status the client library gives it; what a server answers stays as it is.</summary>
public sealed class CallFailureTests
{
    public static TheoryData<StatusCode, Exception?, StatusCode> Failures => new()
    {
        { StatusCode.Internal, new HttpRequestException("no TLS", new AuthenticationException("untrusted root")), StatusCode.Unavailable },
        { StatusCode.Internal, new IOException("reset", new HttpProtocolException(0, "NO_ERROR", null)), StatusCode.Unavailable },
        { StatusCode.Cancelled, new OperationCanceledException("connect", new TimeoutException()), StatusCode.Unavailable },
        { StatusCode.Internal, new IOException("reset", new HttpProtocolException(2, "INTERNAL_ERROR", null)), StatusCode.Internal },
        { StatusCode.Cancelled, new OperationCanceledException("by the caller"), StatusCode.Cancelled },
        { StatusCode.PermissionDenied, new HttpRequestException("of a proxy"), StatusCode.PermissionDenied },
        { StatusCode.Internal, null, StatusCode.Internal },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Code_is_unavailable_if_the_connection_failed(StatusCode reported, Exception? cause, StatusCode expected) =>
        Assert.Equal(expected, CallFailure.CodeOf(Failure(reported, cause)));

    [Fact]
    public void Detail_names_the_cause_of_the_failed_connection()
    {
        RpcException refused = Failure(StatusCode.Unavailable, new HttpRequestException("outer", new SocketException((int)SocketError.ConnectionRefused)));
        Assert.Equal("Unavailable: the connection failed: Connection refused", CallFailure.Describe(refused));
        RpcException unresolved = Failure(StatusCode.Unavailable, new HttpRequestException("outer", new SocketException((int)SocketError.TryAgain)));
        Assert.Equal("Unavailable: the connection failed: no DNS server answers who has that name", CallFailure.Describe(unresolved));
        Assert.Equal("PermissionDenied: not yours", CallFailure.Describe(new RpcException(new Status(StatusCode.PermissionDenied, "not yours"))));
    }

    private static RpcException Failure(StatusCode code, Exception? cause) => new(new Status(code, "text of the library", cause));
}
