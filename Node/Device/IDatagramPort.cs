namespace Mesh.Node.Device;

/// <summary>
/// Transport messages that lie one behind the other in pinned memory, all as long as the first but for the last, which may be shorter.
/// </summary>
/// <param name="Data">The first byte.</param>
/// <param name="Stride">Length of each but the last, in bytes.</param>
/// <param name="Count">How many.</param>
/// <param name="LastLength">Length of the last, in bytes; at most <paramref name="Stride"/>.</param>
readonly record struct DatagramRun(nint Data, int Stride, int Count, int LastLength)
{
    /// <summary>Bytes of all.</summary>
    public int Bytes => Stride * (Count - 1) + LastLength;
}

/// <summary>
/// The outside end of the data path: datagrams on one port, IPv4 and IPv6. Implemented by <see cref="UdpPort"/> and, in tests, by memory.
/// Receiving from one descriptor and <see cref="CreateSender"/>'s senders belong to one thread each; <see cref="TrySend"/> may be called from any.
/// </summary>
interface IDatagramPort
{
    /// <summary>The local port number.</summary>
    int LocalPort { get; }

    /// <summary>Descriptors to poll for reading of one queue, one per address family in use.</summary>
    IReadOnlyList<int> Descriptors(int queue);

    /// <summary>Fills the batch with what waits on one descriptor.</summary>
    /// <returns>0, or the errno that ended receiving for good.</returns>
    int Receive(int descriptor, ReceiveBatch batch);

    /// <summary>Makes a sender for one thread, on the sockets of one queue.</summary>
    IDatagramSender CreateSender(int queue);

    /// <summary>Sends one datagram now.</summary>
    /// <returns>0 or the errno.</returns>
    int TrySend(ReadOnlySpan<byte> datagram, SocketEndpoint endpoint);

    /// <summary>Sends one datagram now to where one came from, of which nothing is remembered.</summary>
    /// <returns>0 or the errno.</returns>
    int TrySend(ReadOnlySpan<byte> datagram, in RawEndpoint endpoint);

    /// <summary>Asks the system for the MTU of the path to an endpoint, as far as it knows.</summary>
    /// <returns>Bytes of an outer IP packet; 0 when it does not say.</returns>
    int PathMtu(SocketEndpoint endpoint);
}

/// <summary>What came of sending.</summary>
/// <param name="Refused">Datagrams that the system refused.</param>
/// <param name="RefusedBytes">Their bytes.</param>
/// <param name="TooLong">Whether the path was too narrow for a datagram; it was sent in fragments, or refused.</param>
readonly record struct SendResult(int Refused, int RefusedBytes, bool TooLong);

/// <summary>Sends batches; owned by one thread.</summary>
interface IDatagramSender
{
    /// <summary>Sends runs to one endpoint, in order. Never throws.</summary>
    SendResult Send(ReadOnlySpan<DatagramRun> runs, SocketEndpoint endpoint);
}
