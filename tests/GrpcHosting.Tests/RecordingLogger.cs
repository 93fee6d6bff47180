using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Keeps what is logged at Error and above, and by the gRPC server at any level.</summary>
internal sealed class RecordingLogger : ILoggerProvider, ILogger
{
    internal ConcurrentQueue<(LogLevel Level, string Text, Exception? Exception)> Entries { get; } = new();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Entries.Enqueue((logLevel, formatter(state, exception), exception));
        }
    }

    public void Dispose()
    {
    }
}
