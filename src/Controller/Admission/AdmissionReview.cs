namespace Culvert.Controller.Admission;

/// <summary>An answer to the API server (admission.k8s.io/v1, AdmissionReview).</summary>
/// <param name="Response">What is answered.</param>
internal sealed record AdmissionReview(AdmissionReview.Answer Response)
{
    /// <summary>The only version that is spoken: servers have it from 1.16 on.</summary>
    internal const string Version = "admission.k8s.io/v1";

    /// <summary>What both question and answer are.</summary>
    internal const string Name = "AdmissionReview";

    private const int Unprocessable = 422;

    /// <summary>The version.</summary>
    public string ApiVersion { get; init; } = Version;

    /// <summary>The kind.</summary>
    public string Kind { get; init; } = Name;

    /// <summary>The answer to a question.</summary>
    /// <param name="request">The question.</param>
    /// <param name="verdict">What is thought of it.</param>
    public static AdmissionReview Of(AdmissionRequest request, AdmissionVerdict verdict) => new(new Answer(request.Uid, verdict.IsAllowed)
    {
        Status = verdict.Refusal is { } reason ? new(Unprocessable, "Invalid", reason, new(request.Name, request.Group, request.Kind, verdict.Causes)) : null,
        Warnings = verdict.Warnings.Count > 0 ? verdict.Warnings : null,
    });

    /// <summary>The answer.</summary>
    /// <param name="Uid">Which question it is to.</param>
    /// <param name="Allowed">Whether the object may be stored.</param>
    internal sealed record Answer(string Uid, bool Allowed)
    {
        /// <summary>Why it may not.</summary>
        public RefusalStatus? Status { get; init; }

        /// <summary>Said to whoever has sent the object.</summary>
        public IReadOnlyList<string>? Warnings { get; init; }
    }

    /// <summary>Why an object may not be stored, as the API server answers it to its client.</summary>
    /// <param name="Code">The HTTP status.</param>
    /// <param name="Reason">The same in a word.</param>
    /// <param name="Message">For people.</param>
    /// <param name="Details">What kubectl shows of an object that is invalid; some of its versions show nothing else.</param>
    internal sealed record RefusalStatus(int Code, string Reason, string Message, RefusalDetails Details);

    /// <summary>What is wrong with which object.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Group">Its API group.</param>
    /// <param name="Kind">Its kind.</param>
    /// <param name="Causes">What is wrong, by field.</param>
    internal sealed record RefusalDetails(string Name, string Group, string Kind, IReadOnlyList<RefusalCause> Causes);

    /// <summary>Something that is wrong.</summary>
    /// <param name="Field">The field's path; empty where it is none.</param>
    /// <param name="Message">What is wrong with it.</param>
    internal sealed record RefusalCause(string Field, string Message)
    {
        /// <summary>The same in a word.</summary>
        public string Reason { get; init; } = "FieldValueInvalid";
    }
}
