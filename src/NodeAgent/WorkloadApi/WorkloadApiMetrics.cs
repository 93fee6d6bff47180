using Culvert.NodeAgent.Telemetry.Metrics;
using Grpc.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Counts what applications are told. Thread-safe.</summary>
internal sealed class WorkloadApiMetrics
{
    private readonly CounterFamily _answers;

    /// <summary>Registers the families.</summary>
    internal WorkloadApiMetrics(MetricRegistry registry, CallerPlaces places)
    {
        _answers = registry.Add(new CounterFamily("culvert_workload_api_answers_total", "Answers of the Workload API: each message of a stream, and each refusal, also of calls whose request does not come.", ["method", "code"]));
        registry.Add(new CallbackFamily("culvert_workload_api_calls", "Calls of the Workload API that are open.", "gauge", [], () => CallbackSample.Single(places.Calls)));
    }

    internal void Answered(string method) => _answers.With(method, nameof(StatusCode.OK)).Increment();

    internal void Refused(string method, StatusCode code) => _answers.With(method, code.ToString()).Increment();
}
