namespace Culvert.Bench.Http;

/// <summary>A unary call as it is in HTTP/2, so that programs that know nothing of gRPC can make and answer it.</summary>
internal static class GrpcCall
{
    public const string Path = "/bench.Echo/Say";

    public const string ContentType = "application/grpc";

    /// <summary>
    /// The one message of a request and of a response: behind what says that it is not compressed and how long it is (PROTOCOL-HTTP2, Length-Prefixed-Message), field 1 with a text.
    /// </summary>
    public const string Message = "\0\0\0\0\u002e\n\u002cHello from the application behind the mesh.\n";
}
