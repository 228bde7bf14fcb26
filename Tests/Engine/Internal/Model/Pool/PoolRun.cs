using System.Diagnostics;
using Mesh.Actors.Engine.Actor;

namespace Mesh.Tests.Engine.Model;

/// <summary>One world on the thread pool, from its first actor to its end.</summary>
sealed class PoolRun(int seed)
{
    const int Injectors = 3;
    const int MaxTop = 120;
    const int MostErrands = 2_000;

    static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    readonly PoolWorld _world = new();

    public long Turns => _world.Dispatcher.Turns;

    public int Parcels => _world.Findings.Parcels;

    public int Terminations => _world.Findings.Terminations;

    public int Actors => _world.Spawned;

    public IReadOnlyList<string> Violations => [.. _world.Findings.Violations];

    /// <param name="storm">How long errands come from outside.</param>
    public async Task RunAsync(TimeSpan storm)
    {
        await Task.WhenAll(Enumerable.Range(0, Injectors).Select(injector => Task.Run(() => InjectAsync(injector, storm))));
        _world.CalmDown();
        await RestAsync();
        // Whoever was just being started may have missed it and may only rest between two ticks; now everybody is known.
        _world.CalmDown();
        await RestAsync();
        _world.Findings.CheckAtRest();
        await _world.System.Terminate().WaitAsync(Patience);
        await RestAsync();
        _world.Findings.CheckAtEnd();
    }

    async Task InjectAsync(int injector, TimeSpan storm)
    {
        var random = new Random(HashCode(seed, injector));
        var generator = new Generator(random, injector * 100_000_000);
        var me = new HostRecord(new ActorSpec(), 0) { Number = -100 - injector };
        var watch = Stopwatch.StartNew();
        for (var sent = 0; watch.Elapsed < storm && sent < MostErrands;)
        {
            if (_world.Spawned == 0 || (_world.Spawned < MaxTop && random.Next(12) == 0))
                _world.Spawn(_world.System, generator.Tree(random.Next(4)), null, 1);
            var to = Somebody(random);
            switch (random.Next(40))
            {
                case 0 or 1 or 2:
                    if (_world.ReferenceOf(to) is LocalActorRef doomed)
                        _world.System.Stop(doomed);
                    break;
                case 3:
                    _world.ReferenceOf(to).Tell(HostWorld.MessageOf((Signal)random.Next(3)), ActorRefs.NoSender);
                    break;
                case 4:
                    _world.System.EventStream.Publish(generator.Announcement());
                    break;
                case 5 or 6 or 7 or 8 or 9 or 10:
                    Send(me, to, generator.Vigil());
                    sent++;
                    break;
                default:
                    for (var left = 1 + random.Next(6); left > 0; left--, sent++)
                        Send(me, to, generator.Errand(3));
                    break;
            }
            // Gives the actors their part of the processors.
            await Task.Yield();
        }
    }

    /// <summary>Somebody alive most of the time.</summary>
    int Somebody(Random random)
    {
        var number = 0;
        for (var tries = 4; tries > 0; tries--)
        {
            number = random.Next(1, _world.Spawned + 1);
            if (_world.IsAlive(number))
                break;
        }
        return number;
    }

    void Send(HostRecord from, int to, Errand errand)
    {
        var receiver = _world.ReferenceOf(to);
        receiver.Tell(_world.Witness.Sending(from, receiver.IsNobody() ? Nobodies.Nobody : to, errand), ActorRefs.NoSender);
    }

    async Task RestAsync()
    {
        var watch = Stopwatch.StartNew();
        var waits = 0;
        while (true)
        {
            var turns = _world.Dispatcher.Turns;
            if (_world.IsAtRest)
            {
                await Task.Delay(5);
                if (_world.IsAtRest && _world.Dispatcher.Turns == turns)
                    return;
            }
            else
            {
                await Task.Delay(1);
                // Whoever was just being started may have missed it.
                if (++waits % 200 == 0)
                    _world.CalmDown();
            }
            if (watch.Elapsed > Patience)
                throw new TimeoutException($"seed {seed}: no rest after {_world.Dispatcher.Turns} turns.");
        }
    }

    // Not System.HashCode, which is different in each process.
    static int HashCode(int seed, int injector) => unchecked((seed * 31) + injector);
}
