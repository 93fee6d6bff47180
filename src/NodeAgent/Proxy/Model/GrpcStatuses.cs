using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What statuses of gRPC are as text. Thread-safe; allocates nothing.</summary>
internal static class GrpcStatuses
{
    private const int Most = (int)GrpcStatus.Unauthenticated;

    private static readonly ImmutableArray<string> Labels = ["", "unknown", .. Enumerable.Range(0, Most + 1).Select(s => s.ToString(CultureInfo.InvariantCulture))];

    private static readonly ImmutableArray<string> Names =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    /// <summary>How many values there are.</summary>
    internal static int Count => Labels.Length;

    /// <summary>Reads the value of <c>grpc-status</c>; what is no status of gRPC is <see cref="GrpcStatus.None"/>.</summary>
    internal static GrpcStatus Parse(ReadOnlySpan<byte> text) =>
        text.Length is 1 or 2 && Utf8Parser.TryParse(text, out byte status, out int read) && read == text.Length && status <= Most ? (GrpcStatus)status : GrpcStatus.None;

    /// <summary>The place of a status among all values, from 0 to <see cref="Count"/> - 1.</summary>
    internal static int IndexOf(GrpcStatus status) => status - GrpcStatus.NoCall;

    /// <summary>The status at a place.</summary>
    internal static GrpcStatus At(int index) => GrpcStatus.NoCall + index;

    /// <summary>As a label: the number; empty where there was no call, and <c>unknown</c> where it has ended without a status.</summary>
    internal static string LabelOf(GrpcStatus status) => Labels[IndexOf(status)];

    /// <summary>The name that gRPC has for it; null where there is no status.</summary>
    internal static string? NameOf(GrpcStatus status) => status >= GrpcStatus.Ok ? Names[(int)status] : null;

    /// <summary>Whether it says that the server has failed (OpenTelemetry's conventions for spans of gRPC; they are those that Envoy takes for 500 and above).</summary>
    internal static bool IsFailure(GrpcStatus status) =>
        status is GrpcStatus.Unknown or GrpcStatus.DeadlineExceeded or GrpcStatus.Unimplemented or GrpcStatus.Internal or GrpcStatus.Unavailable or GrpcStatus.DataLoss;
}
