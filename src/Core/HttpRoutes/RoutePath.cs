namespace Culvert.Core;

/// <summary>What a route asks of a path.</summary>
/// <param name="Kind">How it is compared.</param>
/// <param name="Value">With what: a path that begins with a slash, an expression (<see cref="RouteExpression"/>), or a method's name.</param>
public sealed record RoutePath(RoutePathKind Kind, string Value)
{
    /// <summary>Every path.</summary>
    public static RoutePath Any { get; } = new(RoutePathKind.Prefix, "/");
}

/// <summary>How a path is compared.</summary>
public enum RoutePathKind
{
    /// <summary>The whole path.</summary>
    Exact,

    /// <summary>Its first segments, as a whole; a slash at the end of the prefix means nothing.</summary>
    Prefix,

    /// <summary>A regular expression that the whole path has to match.</summary>
    Expression,

    /// <summary>The method of a call of gRPC, whatever its service is: the second of two segments.</summary>
    GrpcMethod,
}
