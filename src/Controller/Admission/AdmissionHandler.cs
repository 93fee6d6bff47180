using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using Culvert.GrpcHosting;
using Culvert.Kubernetes.Metrics;
using Microsoft.AspNetCore.Http;

namespace Culvert.Controller.Admission;

/// <summary>Answers <c>POST /validate</c>, and <c>GET /ready</c>, by which a kubelet knows whether the controller serves agents, and <c>GET /metrics</c>, by which Prometheus knows how it gets on with the API server. Nothing is changed by it, and nothing else told but what is wrong with the object that was sent. Safe for any number of threads.</summary>
internal sealed class AdmissionHandler(Func<bool> isReady, Func<ReadOnlyMemory<byte>> metrics, RefusalLog log)
{
    /// <summary>Most bytes of a question: an object as it is and as it would be, each as large as etcd takes it (1.5 MiB).</summary>
    internal const int LongestReview = 3 * 1024 * 1024;

    /// <summary>Most bytes that reading a review may take (<see cref="ReviewCost"/>): as a new object of 1.5 MiB takes in which every other byte is a value, which none has that anybody needs.</summary>
    internal const long MostOfAReview = 192 * 1024 * 1024;

    // Hardly an object of the mesh's is larger. Those that are have their turn one after the other, and the others do not wait for them. All together have a third of the heap that deploy/controller leaves (75 % of 1 GiB).
    private const int Usual = 64 * 1024;
    private const long MostOfUsual = 64 * 1024 * 1024;

    // Of 1,300 values, for which a core needs 4 ms (.NET 10.0, AMD EPYC). What costs more is answered one at a time of each address, so that nobody who sends nothing else is in others' way.
    private const long Costly = 1024 * 1024;

    // Of large bodies that have come in part or wait for their turn: of more than 20 addresses, each has one. The others are of 512 connections and have half as much.
    private const long MostBeingRead = 64 * 1024 * 1024;

    // Deeper than objects may be, so that it is said as of any other.
    private static readonly JsonDocumentOptions Json = new() { MaxDepth = 256 };

    // The API server waits for 5 s, as deploy/controller has it, and for 30 at most.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private readonly ByteBudget _usual = new(MostOfUsual), _large = new(MostOfAReview), _beingRead = new(MostBeingRead);
    private readonly SourceTurns _reading = new(), _answering = new();

    /// <summary>Answers a request.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        // One request for each connection: none is kept that would be in the way of others, or is closed while it is used again.
        context.Response.Headers.Connection = "close";
        if (context.Request.Path == "/ready" && HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = isReady() ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return;
        }
        if (context.Request.Path == "/metrics" && HttpMethods.IsGet(context.Request.Method))
        {
            await TellAsync(context, PrometheusExporter.ContentType, metrics(), context.RequestAborted);
            return;
        }
        if (context.Request.Path != "/validate" || !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(Longest);
        try
        {
            if (context.Request.ContentLength is not { } length) await RefuseAsync(context, StatusCodes.Status411LengthRequired, "how long the review is has to be said", limit.Token);
            else if (length > LongestReview) await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"a review may have {LongestReview} bytes", limit.Token);
            else if (length > Usual) await AnswerLargeAsync(context, (int)length, limit.Token);
            else await AnswerAsync(context, (int)length, limit.Token);
        }
        catch (BadHttpRequestException e)
        {
            await RefuseAsync(context, e.StatusCode, e.Message, limit.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            context.Abort(); // who has asked is gone, or has no answer in time whatever is said
        }
    }

    /// <summary>Of an address one large review is read at a time, and takes no place among those that are answered before all of it has come: who is slow is in nobody's way but its own.</summary>
    private async Task AnswerLargeAsync(HttpContext context, int length, CancellationToken cancellationToken)
    {
        using IDisposable turn = await _reading.TakeAsync(SourceOf(context), cancellationToken);
        using IDisposable bytes = await _beingRead.TakeAsync(length, cancellationToken);
        await AnswerAsync(context, length, cancellationToken);
    }

    private async Task AnswerAsync(HttpContext context, int length, CancellationToken cancellationToken)
    {
        byte[] body = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await context.Request.Body.ReadExactlyAsync(body.AsMemory(0, length), cancellationToken);
            byte[] answer;
            try
            {
                long cost = ReviewCost.Of(body.AsSpan(0, length), Json.MaxDepth);
                if (cost > MostOfAReview)
                {
                    await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"the review holds too many values: to read it takes up to {cost} bytes, and {MostOfAReview} are allowed", cancellationToken);
                    return;
                }
                using IDisposable? turn = cost > Costly ? await _answering.TakeAsync(SourceOf(context), cancellationToken) : null;
                using IDisposable place = await (length > Usual ? _large.TakeAsync(_large.Most, cancellationToken) : _usual.TakeAsync(cost, cancellationToken));
                answer = Answer(body.AsMemory(0, length));
            }
            catch (JsonException e)
            {
                await RefuseAsync(context, StatusCodes.Status400BadRequest, $"not a review that can be answered: {e.Message}", cancellationToken);
                return;
            }
            await TellAsync(context, "application/json", answer, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
        }
    }

    private static IPAddress SourceOf(HttpContext context) => ConnectionGate.SourceOf(context.Connection.RemoteIpAddress);

    private byte[] Answer(ReadOnlyMemory<byte> body)
    {
        using JsonDocument review = JsonDocument.Parse(body, Json);
        AdmissionRequest request = AdmissionRequest.Parse(review.RootElement);
        AdmissionVerdict verdict = ObjectReview.Of(request);
        if (!verdict.IsAllowed) log.Add(request.Operation, verdict);
        return JsonSerializer.SerializeToUtf8Bytes(AdmissionReview.Of(request, verdict), AdmissionJson.Default.AdmissionReview);
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason, CancellationToken cancellationToken)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{reason}\n");
        context.Response.StatusCode = status;
        return TellAsync(context, "text/plain; charset=utf-8", text, cancellationToken);
    }

    private static Task TellAsync(HttpContext context, string type, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = content.Length;
        return context.Response.Body.WriteAsync(content, cancellationToken).AsTask();
    }
}
