using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Mesh.Controller.Api;

/// <summary>
/// Bounds what those who have not shown a node's certificate can hold open: so many connections in all, so many from one address.
/// A connection counts as a stranger's from its first byte until its TLS handshake brings a certificate that is believed; then it
/// counts as a node's. One too many is closed without a word. Safe for concurrent use.
/// </summary>
sealed class ConnectionGate(int strangers = 1024, int strangersPerAddress = 128, int nodes = 65536)
{
    readonly Lock _gate = new();
    readonly Dictionary<IPAddress, int> _byAddress = [];
    int _strangers;
    int _nodes;

    /// <summary>Gets how many connections without a node's certificate are open.</summary>
    public int Strangers => Volatile.Read(ref _strangers);

    /// <summary>Stands before TLS.</summary>
    public ConnectionDelegate BeforeTls(ConnectionDelegate next) => async connection =>
    {
        var address = connection.RemoteEndPoint is IPEndPoint { Address: var remote } ? RemotePlace.Of(remote) : IPAddress.None;
        if (!Enter(address))
        {
            connection.Abort(new ConnectionAbortedException("too many connections without a certificate"));
            return;
        }
        var stranger = new Stranger(this, address);
        connection.Features.Set(stranger);
        try
        {
            await next(connection);
        }
        finally
        {
            stranger.Leave();
        }
    };

    /// <summary>Stands after TLS, once it is known whom the certificate proves.</summary>
    public ConnectionDelegate AfterTls(ConnectionDelegate next) => async connection =>
    {
        if (connection.Features.Get<PeerNode>() is null && connection.Features.Get<PeerController>() is null)
        {
            await next(connection);
            return;
        }
        if (Interlocked.Increment(ref _nodes) > nodes)
        {
            Interlocked.Decrement(ref _nodes);
            connection.Abort(new ConnectionAbortedException("too many connections"));
            return;
        }
        connection.Features.Get<Stranger>()?.Leave();
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _nodes);
        }
    };

    bool Enter(IPAddress address)
    {
        lock (_gate)
        {
            var here = _byAddress.GetValueOrDefault(address);
            if (_strangers >= strangers || here >= strangersPerAddress)
                return false;
            _strangers++;
            _byAddress[address] = here + 1;
            return true;
        }
    }

    void Leave(IPAddress address)
    {
        lock (_gate)
        {
            _strangers--;
            if (--_byAddress[address] == 0)
                _byAddress.Remove(address);
        }
    }

    sealed class Stranger(ConnectionGate gate, IPAddress address)
    {
        int _left;

        public void Leave()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                gate.Leave(address);
        }
    }
}
