using BenchmarkDotNet.Attributes;

namespace Mesh.Bench.Micro;

/// <summary>Messages from one thread to one actor, until the last was handled.</summary>
public class ActorTell
{
    const int Messages = 10_000;

    readonly AutoResetEvent _handled = new(false);
    ActorSystem _system = null!;
    IActorRef _actor = null!;

    [GlobalSetup]
    public void Setup()
    {
        _system = ActorSystem.Create("bench");
        _actor = _system.ActorOf(Props.Create(() => new Counter(_handled)), "counter");
    }

    [GlobalCleanup]
    public void Cleanup() => _system.Terminate().Wait();

    [Benchmark(OperationsPerInvoke = Messages)]
    public void Tell()
    {
        for (var i = 0; i < Messages; i++)
            _actor.Tell(this);
        _handled.WaitOne();
    }

    sealed class Counter : UntypedActor
    {
        readonly AutoResetEvent _handled;
        int _count;

        public Counter(AutoResetEvent handled) => _handled = handled;

        protected override void OnReceive(object message)
        {
            if (++_count % Messages == 0)
                _handled.Set();
        }
    }
}
