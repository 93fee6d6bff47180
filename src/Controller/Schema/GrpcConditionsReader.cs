using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads calls of gRPC that a destination of an AuthorizationPolicy or RateLimit names. A call is a POST for the path <c>/service/method</c> (PROTOCOL-HTTP2 of gRPC), so that what is said of calls is said by the conditions on
/// methods and paths that there are, and nodes need not know of it. Where a match forbids, each method of HTTP is meant: there are servers that take others for a call as well.
/// </summary>
internal static class GrpcConditionsReader
{
    /// <summary>Most characters of a service's name. With a method's, and the slashes, it is a path that policy takes.</summary>
    public const int LongestService = 512;

    /// <summary>Most characters of a method's name.</summary>
    public const int LongestMethod = 256;

    /// <summary>What is wrong where an entry says twice what method or path a request has.</summary>
    public const string SaysTwice = "says of requests what methods and paths they have; it can't stand beside methods, notMethods or paths in one entry";

    private const string Post = "POST";

    /// <summary>Says by methods and paths what <c>grpc</c> and <c>notGrpc</c> of an entry say.</summary>
    /// <param name="to">The entry.</param>
    /// <param name="conditions">What it says besides.</param>
    /// <param name="allows">Whether a request that is meant is allowed for it: what is in doubt is not meant then, and is otherwise.</param>
    /// <returns>Conditions of which one has to be met.</returns>
    public static EquatableArray<RequestConditions> Read(FieldReader to, RequestConditions conditions, bool allows)
    {
        bool isAboutCalls = to.Has("grpc");
        EquatableArray<PathPattern> calls = ReadCalls(to, "grpc"), notCalls = ReadCalls(to, "notGrpc");
        if (isAboutCalls && (to.Has("methods") || to.Has("notMethods") || to.Has("paths"))) to.Fail("grpc", SaysTwice);
        RequestConditions said = !isAboutCalls ? conditions : conditions with { Methods = allows ? [Post] : [], Paths = calls };
        RequestConditions notPaths = said with { NotPaths = [.. said.NotPaths, .. notCalls] };

        // What is not such a call has another path, and may have another method.
        return allows || notCalls.IsEmpty ? [notPaths] : [said with { NotMethods = [.. said.NotMethods, Post] }, notPaths];
    }

    private static EquatableArray<PathPattern> ReadCalls(FieldReader to, string field) => to.Maps(field).Select(ReadCall).OfType<PathPattern>().ToEquatableArray();

    private static PathPattern? ReadCall(FieldReader call)
    {
        string? service = call.String("service", text => GrpcNames.Service(text, LongestService), required: true), method = call.String("method", text => GrpcNames.Method(text, LongestMethod));
        bool isWhole = call.Has("method");
        call.Done();
        if (service is null || (isWhole && method is null)) return null; // told of already
        return PathPattern.Parse(isWhole ? $"/{service}/{method}" : $"/{service}/*");
    }
}
