namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>In which forms a request says which trace it belongs to.</summary>
[Flags]
internal enum TraceForms
{
    /// <summary>In none that is one.</summary>
    None = 0,

    /// <summary><c>traceparent</c> (W3C Trace Context).</summary>
    W3C = 1,

    /// <summary>The one field <c>b3</c>.</summary>
    B3 = 2,

    /// <summary>The fields <c>x-b3-traceid</c> and so on.</summary>
    B3Multi = 4,
}
