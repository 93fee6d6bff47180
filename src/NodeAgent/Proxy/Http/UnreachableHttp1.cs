using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Tells a client of HTTP/1.1 why its server can't be reached: its first request is answered, and the connection ends. Belongs to its loop's thread.</summary>
internal sealed class UnreachableHttp1 : IHttpSideUser
{
    private readonly HttpSide _client;
    private readonly Http1HeadInput _requests;
    private readonly Http1Head _request = new();
    private readonly HttpOptions _options;
    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;
    private readonly LoopTimer _deadline;
    private readonly LoopSignal _over = new();
    private readonly ProxyFailure _failure;
    private bool _isAdvancing;
    private bool _hasNews;
    private bool _isAnswered;
    private bool _isOver;

    /// <summary>Makes one; the client's transport is its own from here on.</summary>
    /// <param name="client">The client.</param>
    /// <param name="owner">Whose account bytes are on that come from it, or wait for it.</param>
    /// <param name="failure">Why there is no server.</param>
    /// <param name="options">Limits.</param>
    /// <param name="observer">Hears of the request.</param>
    /// <param name="time">The clock.</param>
    internal UnreachableHttp1(ITransport client, in BudgetHolder owner, ProxyFailure failure, HttpOptions options, IRequestObserver observer, TimeProvider time)
    {
        (_failure, _options, _observer, _time) = (failure, options, observer, time);
        _client = new HttpSide(client, owner, this);
        _requests = new Http1HeadInput(_client, options.Limits);
        _deadline = new LoopTimer(static state => ((UnreachableHttp1)state!).Reset(ProxyFailure.ConnectFailed), this);
    }

    /// <inheritdoc/>
    public void GiveUp() => Reset(ProxyFailure.Overload);

    /// <summary>Waits for a request and answers it. Returns when the client has gone, or has had its time to.</summary>
    internal async ValueTask RunAsync()
    {
        _client.Transport.Loop.Schedule(_deadline, _options.HeadTimeout);
        Advance();
        if (!_isOver) await _over.WaitAsync();
        _client.Transport.Loop.Timers.Cancel(_deadline);
        _client.Transport.Close();
        _client.Release();
    }

    /// <inheritdoc/>
    public void Advance()
    {
        _hasNews = true;
        if (_isAdvancing || _isOver) return;
        _isAdvancing = true;
        try
        {
            while (_hasNews && !_isOver)
            {
                _hasNews = false;
                if (!_isAnswered) Answer();
                if (!_isOver && !_client.Flush()) Reset(_client.Output.Failure);
                _isOver |= _isAnswered && _client.AdvanceEnd();
            }
        }
        catch (Exception exception)
        {
            _client.Transport.Loop.ReportFault(exception);
            Reset(ProxyFailure.ProxyFault);
        }

        _isAdvancing = false;
        if (_isOver) _over.Set(true);
    }

    private void Answer()
    {
        HeadRead read = _requests.ReadRequest(_request);
        if (read == HeadRead.Nothing) return;
        if (read == HeadRead.Read)
        {
            Write(RequestRefusal.Of(_failure), hasBody: !_request.Fields.Method.SequenceEqual("HEAD"u8));
        }
        else if (read == HeadRead.Refused && !_client.Input.Bytes.StartsWith("PRI * HTTP/2.0"u8))
        {
            Write(RequestRefusal.Of(_requests.Refusal!), hasBody: true);
        }
        else
        {
            // It speaks HTTP/2, which is not answered, or says nothing.
            Reset(ProxyFailure.ConnectFailed);
        }
    }

    private void Write(RequestRefusal refusal, bool hasBody)
    {
        _isAnswered = true;
        _client.Transport.Loop.Timers.Cancel(_deadline);
        ErrorResponse.Write(_client, refusal, hasBody, _time.GetUtcNow());
        IRequestRecord? record = _observer.Begin(_request.Fields, _request.IsVersion10 ? HttpProtocol.Http10 : HttpProtocol.Http11, _client.Transport.Loop.Index);
        record?.Details = refusal.Details;
        _observer.OnRequestEnded(new RequestEnd(refusal.Status, TimeSpan.Zero, refusal.Error), record);
        _client.BeginEnd(_options.AnswerTime, _options.LingerTime);
    }

    private void Reset(ProxyFailure failure)
    {
        _isOver = true;
        _client.Clear();
        _client.Transport.Reset(failure);
        if (!_isAdvancing) _over.Set(true);
    }
}
