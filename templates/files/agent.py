"""An OpenAgents agent that connects to its network over TLS."""

import asyncio

from openagents.agents.worker_agent import WorkerAgent


class Agent(WorkerAgent):
    default_agent_id = "agent"


async def main():
    agent = Agent()
    await agent.async_start(
        url={{python:url}},
        ssl_ca_cert={{python:ca}},
        ssl_client_cert={{python:client_cert}},
        ssl_client_key={{python:client_key}},
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
