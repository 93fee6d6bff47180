using System.Buffers;
using System.IO.Pipelines;
using Culvert.Http2;
using Microsoft.AspNetCore.Connections;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Puts an <see cref="AuthorityFilter"/> before a server's connection: Kestrel refuses requests whose <c>:authority</c> is no host, and clients of gRPC in Java and Python say a socket's path there. What they say is of no account here.
/// </summary>
internal static class FilteredInput
{
    private const int MostWaiting = 64 * 1024;

    private static ReadOnlySpan<byte> Authority => "localhost"u8;

    /// <summary>Serves a connection whose input is filtered.</summary>
    internal static async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        IDuplexPipe transport = connection.Transport;
        Pipe passed = new(new PipeOptions(pauseWriterThreshold: MostWaiting, resumeWriterThreshold: MostWaiting / 2, useSynchronizationContext: false));
        Task passing = PassAsync(connection, transport.Input, passed.Writer);
        connection.Transport = new Duplex(passed.Reader, transport.Output);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
            transport.Input.CancelPendingRead();
            await passed.Reader.CompleteAsync();
            await passing;
        }
    }

    private static async Task PassAsync(ConnectionContext connection, PipeReader input, PipeWriter output)
    {
        using AuthorityFilter filter = new(Authority);
        Exception? failure = null;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync();
                if (read.IsCanceled) break;
                if (!TryPass(filter, read.Buffer, output, out SequencePosition consumed))
                {
                    connection.Abort(new ConnectionAbortedException("what the client sends is no HTTP/2"));
                    break;
                }
                input.AdvanceTo(consumed, read.Buffer.End);
                FlushResult flushed = await output.FlushAsync();
                if (flushed.IsCompleted || read.IsCompleted) break;
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failure = e; // the client is gone, the server has ended the connection, or it is for the server to say what is wrong
        }
        finally
        {
            await output.CompleteAsync(failure); // else it would wait for ever
        }
    }

    private static bool TryPass(AuthorityFilter filter, ReadOnlySequence<byte> input, PipeWriter output, out SequencePosition consumed)
    {
        ReadOnlySpan<byte> bytes = input.IsSingleSegment ? input.FirstSpan : input.ToArray();
        bool isPassed = filter.TryPass(bytes, output, out int length);
        consumed = input.GetPosition(length);
        return isPassed;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
